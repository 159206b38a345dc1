"""Request that a provider end, pause, resume or change a subscription.

The request is stored before the call, and only the provider's report changes the subscription. A subscription can
have at most one open request.

If a subscription has no billing provider, only the stored subscription changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from billing.catalog.plan import PlanItem
from billing.engine.batch_state import AuditEntries, BatchState, ReadSet, WorkingSet
from billing.providers.abilities import Act
from billing.providers.protocol import Interval
from billing.subscriptions.subscription import LIVING, Subscription, amend, move, unpause
from billing.subscriptions.turn import turn
from billing.subscriptions.working_set import SubscriptionCommand
from kernel.clock import HOUR_US, MINUTE_US, SECOND_US
from kernel.errors import DomainError, InvalidInput
from kernel.ids import new_id
from kernel.storable import storable
from kernel.tenant import OfTenant
from keys import audit_log
from keys.audit_log import Actor
from store.database import Transaction
from store.row_mapping import RowMapping

ChangeStatus = Literal["asked", "done", "refused", "given_up"]
REASON_CHARACTERS_MAX = 300
# No call to a provider can take this long, so two processes never call at the same time.
LEASE_US = 60 * SECOND_US
# Delays before the first retries after an unclear response. Later retries wait WAIT_US_MAX.
WAITS_US = (10 * SECOND_US, MINUTE_US, 5 * MINUTE_US, 20 * MINUTE_US)
WAIT_US_MAX = HOUR_US
ATTEMPTS_MAX = 76


class SubscriptionChange(OfTenant, frozen=True, kw_only=True):
    id: str
    subscription_id: str
    act: Act
    plan_id: str | None = None
    interval: Interval | None = None
    product_ref: str | None = None
    amount: int | None = None
    is_charged_now: bool = False
    resumes_at: int | None = None
    status: ChangeStatus = "asked"
    requested_by: str
    reason: str | None = None
    attempts: int = 1
    next_attempt_at: int | None = None
    created_at: int
    ended_at: int | None = None

    @property
    def wish(self) -> tuple[Act, str | None, Interval | None, int | None]:
        return self.act, self.plan_id, self.interval, self.resumes_at


class ChangeWorkingSet(WorkingSet):
    rank = 71

    def __init__(self) -> None:
        self.subscription_ids: set[str] = set()
        self._open: dict[str, SubscriptionChange] = {}
        self._new: dict[str, SubscriptionChange] = {}
        self._ended: list[SubscriptionChange] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        self._open = await open_of(tx, self.subscription_ids)

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        await tx.insert(
            "subscription_steers", _ROWS.columns, [_ROWS.write(one) for one in self._new.values()]
        )
        for one in sorted(self._ended, key=lambda each: each.id):
            await tx.execute(
                """UPDATE subscription_steers SET status = :status, reason = :reason,
                       ended_at = :ended_at, next_attempt_at = NULL
                   WHERE id = :id AND ended_at IS NULL""",
                status=one.status,
                reason=one.reason,
                ended_at=one.ended_at,
                id=one.id,
            )

    def of(self, subscription_id: str) -> SubscriptionChange | None:
        return self._open.get(subscription_id)

    def add(self, change: SubscriptionChange) -> None:
        self.changes += 1
        self._open[change.subscription_id] = self._new[change.id] = change

    def end(
        self, change: SubscriptionChange, status: ChangeStatus, reason: str | None, now_us: int
    ) -> SubscriptionChange:
        self.changes += 1
        ended = replace(change, status=status, reason=_short(reason), ended_at=now_us)
        ended = replace(ended, next_attempt_at=None)
        del self._open[change.subscription_id]
        if change.id in self._new:
            self._new[change.id] = ended
        else:
            self._ended.append(ended)
        return ended


async def open_of(
    tx: Transaction, subscription_ids: Iterable[str]
) -> dict[str, SubscriptionChange]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM subscription_steers
            WHERE subscription_id IN :ids[text] AND ended_at IS NULL""",
        ids=sorted(set(subscription_ids)),
    )
    return {row["subscription_id"]: _ROWS.read(row) for row in rows}


async def of_subscription(
    tx: Transaction, subscription: Mapping[str, str]
) -> Sequence[SubscriptionChange]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM subscription_steers
            WHERE account_id = :account_id AND environment = :environment
              AND subscription_id = :id
            ORDER BY id DESC LIMIT 100""",
        **subscription,
    )
    return [_ROWS.read(row) for row in rows]


async def count_open(tx: Transaction, *, before_us: int) -> dict[str, int]:
    rows = await tx.fetch(
        """SELECT environment, COUNT(*) AS number FROM subscription_steers
           WHERE ended_at IS NULL AND created_at <= :before GROUP BY environment""",
        before=before_us,
    )
    return {row["environment"]: int(row["number"]) for row in rows}


async def due(
    tx: Transaction,
    *,
    now_us: int,
    limit: int,
    exclude_ids: Sequence[str] = (),
    exclude_keys: Sequence[str] = (),
) -> Sequence[tuple[str, SubscriptionChange]]:
    """`exclude_keys` lists the providers to skip, as "environment/provider"."""
    rows = await tx.fetch(
        f"""SELECT {_ROWS.of("w")}, o.provider {_WAITING}
              AND w.next_attempt_at <= :now
            ORDER BY w.next_attempt_at LIMIT :limit""",
        now=now_us,
        limit=limit,
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return [(row["provider"], _ROWS.read(row)) for row in rows]


async def next_due_at(
    tx: Transaction, *, exclude_ids: Sequence[str] = (), exclude_keys: Sequence[str] = ()
) -> int | None:
    row = await tx.fetch_one(
        f"SELECT w.next_attempt_at {_WAITING} ORDER BY w.next_attempt_at LIMIT 1",
        exclude_ids=exclude_ids,
        exclude_keys=exclude_keys,
    )
    return None if row is None else int(row["next_attempt_at"])


async def claim(
    tx: Transaction, seen: SubscriptionChange, *, now_us: int
) -> SubscriptionChange | None:
    changed = await tx.execute(
        """UPDATE subscription_steers SET attempts = attempts + 1, next_attempt_at = :lease
           WHERE id = :id AND attempts = :attempts AND ended_at IS NULL""",
        lease=now_us + LEASE_US,
        id=seen.id,
        attempts=seen.attempts,
    )
    return replace(seen, attempts=seen.attempts + 1) if changed else None


async def postpone(
    tx: Transaction, change: SubscriptionChange, reason: str, *, now_us: int
) -> None:
    waits = WAITS_US[change.attempts - 1 : change.attempts]
    await tx.execute(
        """UPDATE subscription_steers SET next_attempt_at = :at, reason = :reason
           WHERE id = :id AND attempts = :attempts AND ended_at IS NULL""",
        at=now_us + (waits[0] if waits else WAIT_US_MAX),
        reason=_short(reason),
        id=change.id,
        attempts=change.attempts,
    )


def _short(reason: str | None) -> str | None:
    return None if reason is None else storable(reason, characters_max=REASON_CHARACTERS_MAX)


_ROWS = RowMapping(SubscriptionChange)
_WAITING = """
FROM subscription_steers w JOIN subscriptions o ON o.id = w.subscription_id
WHERE w.next_attempt_at IS NOT NULL AND NOT w.id IN :exclude_ids[text]
  AND NOT w.environment || '/' || o.provider IN :exclude_keys[text]
"""


class ChangeNotAllowed(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class ChangedSubscription:
    """The result of a request. `change` is None if no change was needed.

    `is_mine` means that this caller must call the provider.
    """

    subscription: Subscription
    change: SubscriptionChange | None = None
    is_mine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSubscriptionChange(SubscriptionCommand):
    """Request a change. `resumes_at` is on the account's clock. `by` is the operator, if an operator requested the
    change.

    If `is_local`, only the stored subscription changes.
    """

    act: Act
    requested_by: str
    item: PlanItem | None = None
    is_charged_now: bool = False
    resumes_at: int | None = None
    is_local: bool = False
    by: Actor | None = None
    why: str | None = None

    def declare(self, read_set: ReadSet) -> None:
        SubscriptionCommand.declare(self, read_set)
        read_set.working_set(ChangeWorkingSet).subscription_ids.add(self.subscription_id)
        read_set.working_set(AuditEntries)

    def decide(self, state: BatchState) -> ChangedSubscription:
        one = self._find(state)
        changes = state.working_set(ChangeWorkingSet)
        under_way = changes.of(one.id)
        wanted = self._change(state, one)
        if under_way is not None and not self.is_local:
            if under_way.wish == wanted.wish:
                return ChangedSubscription(one, under_way)
            raise ChangeNotAllowed(
                f"{in_words(under_way)} is in progress. Wait until {one.provider} has responded.",
                reason="under_way",
            )
        if self._is_reached(one):
            return ChangedSubscription(one)
        self._check(one)
        if self.resumes_at is not None and self.resumes_at <= state.now_of(one.tenant):
            raise InvalidInput("`resumes_at` must be in the future.", param="resumes_at")
        if self.is_local:
            if under_way is not None:
                changes.end(under_way, "given_up", "it was ended here instead", state.now_us)
            changed = self._here(state, one)
            self._note(state, one, changed)
            return ChangedSubscription(changed)
        self._note(state, one, None)
        changes.add(wanted)
        return ChangedSubscription(one, wanted, is_mine=True)

    def _is_reached(self, one: Subscription) -> bool:
        if self.act == "cancel_now":
            return one.status == "cancelled"
        if self.act == "cancel":
            return one.status == "cancelled" or (one.status in LIVING and one.is_ending)
        if self.act == "pause":
            return one.status == "paused" and one.resumes_at == self.resumes_at
        if self.act == "resume":
            return one.status in LIVING and not one.is_ending and one.status != "paused"
        if self.item is None:
            return False  # no provider is called, so there is no plan to compare
        return one.status in LIVING and one.chosen == (self.item.plan_id, self.item.interval)

    def _check(self, one: Subscription) -> None:
        if self.is_local and self.act == "cancel_now" and one.status == "incomplete":
            return
        if one.status == "incomplete":
            raise ChangeNotAllowed(
                "The plan's first payment hasn't arrived yet.", reason="not_begun"
            )
        if one.status not in LIVING:
            raise ChangeNotAllowed(f"The subscription is {one.status}.", reason="ended")
        if self.act in {"change", "pause"}:
            self._check_goes_on(one)
        if not self.is_local and one.provider_ref is None:
            raise ChangeNotAllowed(
                f"{one.provider} hasn't reported the subscription yet. Try again shortly.",
                reason="not_begun",
            )

    def _check_goes_on(self, one: Subscription) -> None:
        if one.is_ending:
            raise ChangeNotAllowed(
                "The plan will end after its current period. Resume it first.", reason="ending"
            )
        if one.status == "past_due":
            detail = "its last payment did not come: pay it first, with another card in the portal"
            raise ChangeNotAllowed(detail, reason="past_due")
        if one.status == "paused" and self.act == "change":
            raise ChangeNotAllowed("The plan is paused. Resume it first.", reason="paused")
        if self.is_local:
            raise ChangeNotAllowed(
                "The plan is no longer billed. Buy a new plan.", reason="nobody_to_ask"
            )

    def _here(self, state: BatchState, one: Subscription) -> Subscription:
        now_us = state.now_of(one.tenant)
        if self.act == "cancel_now":
            changed = move(one, "cancelled", now_us=now_us)
        elif self.act == "resume" and one.status == "paused":
            resumed = unpause(amend(one, is_ending=False), period_end_at=None, now_us=now_us)
            changed = move(resumed, "active", now_us=now_us)
        else:
            changed = amend(one, is_ending=self.act == "cancel")
        turn(state, one, changed)
        return changed

    def _change(self, state: BatchState, one: Subscription) -> SubscriptionChange:
        item = self.item
        return SubscriptionChange(
            id=new_id("str"),
            subscription_id=one.id,
            account_id=one.account_id,
            environment=one.environment,
            act=self.act,
            plan_id=None if item is None else item.plan_id,
            interval=None if item is None else item.interval,
            product_ref=None if item is None else item.product_ref,
            amount=None if item is None else item.price.amount,
            is_charged_now=self.is_charged_now,
            resumes_at=self.resumes_at,
            requested_by=self.requested_by,
            next_attempt_at=state.now_us + LEASE_US,
            created_at=state.now_us,
        )

    def _note(self, state: BatchState, one: Subscription, after: Subscription | None) -> None:
        if self.by is None:
            return
        where = "here" if self.is_local else f"at {one.provider}"
        plan = {} if self.item is None else {"plan_id": self.item.plan_id}
        state.working_set(AuditEntries).add(
            audit_log.entry(
                self.by,
                f"subscription.{self.act}",
                environment=one.environment,
                account_id=one.account_id,
                subject_id=one.id,
                before={"status": one.status, "is_ending": one.is_ending},
                after={"asked": where, "by": self.requested_by, **plan}
                if after is None
                else {
                    "status": after.status,
                    "is_ending": after.is_ending,
                    "asked": where,
                    "by": self.requested_by,
                },
                reason=self.why,
                now_us=state.now_us,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSubscriptionChange(SubscriptionCommand):
    change_id: str
    status: ChangeStatus
    reason: str | None = None

    def declare(self, read_set: ReadSet) -> None:
        SubscriptionCommand.declare(self, read_set)
        read_set.working_set(ChangeWorkingSet).subscription_ids.add(self.subscription_id)

    def decide(self, state: BatchState) -> ChangedSubscription:
        one = self._find(state)
        changes = state.working_set(ChangeWorkingSet)
        found = changes.of(one.id)
        if found is None or found.id != self.change_id:
            return ChangedSubscription(one)
        return ChangedSubscription(one, changes.end(found, self.status, self.reason, state.now_us))


def in_words(change: SubscriptionChange) -> str:
    if change.act == "change":
        return f"A request to change to {change.plan_id} by the {change.interval}"
    words: dict[Act, str] = {
        "cancel": "A request to end the plan after its current period",
        "cancel_now": "A request to end the plan immediately",
        "pause": "A request to pause the plan",
        "resume": "A request to resume the plan",
    }
    return words[change.act]
