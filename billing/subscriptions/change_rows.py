"""Requested subscription changes as rows, until the provider has done them.

A subscription has one open request, by a unique index, so two simultaneous ones are one. Writers hold the
account's lock; a try is claimed by its number, for a lease.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from billing.engine.batch_state import ReadSet, WorkingSet
from billing.providers.abilities import Act
from billing.providers.protocol import Interval
from kernel.clock import HOUR_US, MINUTE_US, SECOND_US
from kernel.storable import storable
from kernel.tenant import Tenant
from store.database import Transaction
from store.row_mapping import RowMapping

ChangeStatus = Literal["asked", "done", "refused", "given_up"]
REASON_CHARACTERS_MAX = 300
# Longer than a provider may take, so that no other process calls meanwhile.
LEASE_US = 60 * SECOND_US
# Waits after an unclear response; then every hour.
WAITS_US = (10 * SECOND_US, MINUTE_US, 5 * MINUTE_US, 20 * MINUTE_US)
WAIT_US_MAX = HOUR_US
# Three days, all in all.
ATTEMPTS_MAX = 76


class SubscriptionChange(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    id: str
    subscription_id: str
    account_id: str
    environment: str
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
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

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
    """Return due ones, each behind its provider's name. exclude_keys: "environment/provider"."""
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
    """Claim the next try until its lease ends; return None if another process has it."""
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
