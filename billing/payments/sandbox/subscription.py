"""Bill a sandbox subscription for each period, on the account's clock, as its provider would.

A bill is reported before it is recorded. After a crash, it is reported again with the same IDs, so it is credited only
once. A declined payment is retried for a week, and then the subscription ends.
"""

import dataclasses
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from msgspec.structs import replace

from billing.catalog.plan import MONTHS, PlanItem, item_by_ref, list_plans
from billing.ledger.price import Price
from billing.providers.abilities import SteerRequest
from billing.providers.http import unavailable
from billing.providers.protocol import (
    Interval,
    Notification,
    Provider,
    ProviderRefused,
    SandboxEvent,
    Subject,
    SubscriptionChanged,
    SubscriptionStatus,
)
from billing.subscriptions.records import find_by_order
from billing.subscriptions.subscription import add_months
from kernel.clock import DAY_US, SECOND_US, Clock
from kernel.errors import NotFound
from kernel.tenant import OfTenant
from keys import sandbox_clock
from store.database import Database, Transaction
from store.row_mapping import RowMapping, update

SubscriptionOutcome = Literal["renewed", "renewal_failed", "changed", "ended"]
PATH = "/sandbox/portal"
TOKEN_BYTES = 24
RETRY_DAYS = (1, 3, 5, 7)


class SandboxSubscription(OfTenant, frozen=True, kw_only=True):
    ref: str
    token: str
    order_id: str
    provider: str
    customer_ref: str
    status: Literal["active", "past_due", "ended"] = "active"
    product_ref: str
    interval: Interval
    amount: int
    currency: str
    first_amount: int
    trial_days: int = 0
    next_product_ref: str | None = None
    next_interval: Interval | None = None
    next_amount: int | None = None
    is_ending: bool = False
    is_declining: bool = False
    number: int = 0
    attempts: int = 0
    anchor_at: int
    cycle: int = 0
    next_at: int | None
    paused_at: int | None = None
    resumes_at: int | None = None
    created_at: int

    @property
    def paid_period(self) -> tuple[int, int]:
        assert self.is_begun, "none is paid yet"
        if self.cycle == 0:
            return self.anchor_at - self.trial_days * DAY_US, self.anchor_at
        return _period(self.anchor_at, self.interval, self.cycle - 1)

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None and self.status != "ended"

    @property
    def is_begun(self) -> bool:
        return self.cycle > 0 or (self.trial_days > 0 and self.number > 0)

    @property
    def payment_id(self) -> str:
        stem = self.ref.partition("_")[2]
        return f"pay_{stem}" if self.number == 0 else f"pay_{stem}n{self.number}"


def refs_of(payment_id: str) -> tuple[str, str]:
    stem = payment_id.partition("_")[2]
    return f"sub_{stem}", f"cus_{stem}"


def bill(one: SandboxSubscription) -> tuple[SandboxEvent, SandboxSubscription]:
    if one.resumes_at is not None and one.resumes_at == one.next_at:
        return _resumed(one, one)
    if one.is_begun and one.is_ending:
        return _end(one)
    if one.is_paused and one.is_begun:
        return _pass_over(one)
    if one.trial_days > 0 and not one.is_begun:
        return _try_out(one)
    turned = _turned(one) if one.is_begun else one
    start, end = _period(turned.anchor_at, turned.interval, turned.cycle)
    if one.is_begun and one.is_declining:
        if one.attempts == len(RETRY_DAYS):
            return _end(one)
        failed = replace(
            one,
            status="past_due",
            attempts=one.attempts + 1,
            next_at=start + RETRY_DAYS[one.attempts] * DAY_US,
        )
        return _event_and_state(one, "renewal_failed", failed, start=start, end=end)
    is_first = one.cycle == 0 and (one.number == 0 or one.trial_days > 0)
    is_same = turned.product_ref == one.product_ref
    amount = one.first_amount if is_first and is_same else turned.amount
    paid = replace(turned, status="active", attempts=0, cycle=turned.cycle + 1, next_at=end)
    return _event_and_state(one, "renewed", paid, start=start, end=end, amount=amount)


def abandoned(one: SandboxSubscription) -> SandboxSubscription:
    return replace(one, status="ended", next_at=None, number=one.number + 1)


def end_with_period(
    one: SandboxSubscription, *, is_ending: bool
) -> tuple[SandboxEvent, SandboxSubscription]:
    return _changed(one, replace(one, is_ending=is_ending))


def pause(
    one: SandboxSubscription, *, now_us: int, resumes_at: int | None
) -> tuple[SandboxEvent, SandboxSubscription]:
    paused = replace(one, paused_at=now_us, resumes_at=resumes_at)
    return _changed(one, _until_it_resumes(replace(paused, next_at=one.paid_period[1])))


def resume(one: SandboxSubscription) -> tuple[SandboxEvent, SandboxSubscription]:
    return _resumed(one, replace(one, is_ending=False))


def end_now(one: SandboxSubscription) -> tuple[SandboxEvent, SandboxSubscription]:
    return _end(one)


def choose(
    one: SandboxSubscription, item: PlanItem, *, now_us: int
) -> tuple[SandboxEvent, SandboxSubscription]:
    """Change the plan. A more expensive plan is billed at once for the rest of the period. Other plans are billed from
    the next period.

    `now_us` is on the account's clock.
    """
    assert item.product_ref is not None, "the sandbox names each price"
    start, end = one.paid_period
    # Providers use whole seconds, and two bills must not begin at the same time.
    at = max(now_us - now_us % SECOND_US, start + SECOND_US)
    left = max(0, end - at)
    chosen = replace(
        one,
        product_ref=item.product_ref,
        interval=item.interval,
        amount=item.price.amount,
        next_product_ref=None,
        next_interval=None,
        next_amount=None,
    )
    if one.cycle == 0:
        due = 0
    elif item.interval == one.interval:
        due = (item.price.amount - one.amount) * left // (end - start)
    else:
        due = item.price.amount - one.amount * left // (end - start)
        chosen = replace(chosen, anchor_at=at, cycle=1)
        end = _period(at, item.interval, 0)[1]
        chosen = replace(chosen, next_at=end)
    if due > 0 and item.product_ref != one.product_ref:
        return _event_and_state(
            one, "renewed", chosen, start=at, end=end, amount=due, is_prorated=True
        )
    is_same = item.product_ref == one.product_ref
    later = replace(
        one,
        next_product_ref=None if is_same else item.product_ref,
        next_interval=None if is_same else item.interval,
        next_amount=None if is_same else item.price.amount,
    )
    return _changed(one, later)


async def begin(
    tx: Transaction, order_id: str, provider: str, payment_id: str, *, now_us: int
) -> None:
    begun = await find_by_order(tx, order_id)
    if begun is None or begun.product_ref is None:
        raise NotFound("Subscription")
    own_now_us = await sandbox_clock.now_of(tx, begun.tenant, now_us=now_us)
    ref, customer_ref = refs_of(payment_id)
    begins_at = own_now_us - own_now_us % SECOND_US
    made = SandboxSubscription(
        ref=ref,
        token=secrets.token_urlsafe(TOKEN_BYTES),
        account_id=begun.account_id,
        environment=begun.environment,
        order_id=order_id,
        provider=provider,
        customer_ref=customer_ref,
        product_ref=begun.product_ref,
        interval=begun.interval,
        amount=begun.amount,
        currency=begun.currency,
        first_amount=begun.first_amount,
        trial_days=begun.trial_days,
        anchor_at=begins_at + begun.trial_days * DAY_US,
        next_at=begins_at,
        created_at=now_us,
    )
    keep = "ON CONFLICT DO NOTHING"
    await tx.insert("sandbox_subscriptions", _ROWS.columns, [_ROWS.write(made)], on_conflict=keep)


async def find(tx: Transaction, token: str) -> SandboxSubscription:
    found = await _find(tx, "token = :value", token)
    if found is None:
        raise NotFound("Subscription")
    return found


async def find_ref(tx: Transaction, ref: str) -> SandboxSubscription:
    found = await _find(tx, "ref = :value", ref)
    if found is None:
        raise NotFound("Subscription")
    return found


async def find_of_order(tx: Transaction, order_id: str) -> SandboxSubscription | None:
    return await _find(tx, "order_id = :value", order_id)


async def due(
    tx: Transaction, *, now_us: int, limit: int, but_refs: Sequence[str] = ()
) -> Sequence[SandboxSubscription]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM sandbox_subscriptions WHERE ref IN (
                SELECT plain.ref FROM (
                    SELECT ref FROM sandbox_subscriptions
                    WHERE next_at IS NOT NULL AND next_at <= :now AND NOT ref IN :but_refs[text]
                    ORDER BY next_at LIMIT :limit) AS plain
                UNION
                SELECT s.ref FROM account_environments e CROSS JOIN sandbox_subscriptions s
                WHERE e.clock_ahead_us > 0 AND s.account_id = e.account_id
                  AND s.environment = e.environment AND s.next_at IS NOT NULL
                  AND s.next_at <= :now + e.clock_ahead_us
                  AND NOT s.ref IN :but_refs[text])
            ORDER BY ref LIMIT :limit""",
        now=now_us,
        limit=limit,
        but_refs=but_refs,
    )
    return [_ROWS.read(row) for row in rows]


async def note(tx: Transaction, seen: SandboxSubscription, after: SandboxSubscription) -> bool:
    values = dict(zip(_CHANGING.columns, _CHANGING.write(after), strict=True))
    key = {"ref": seen.ref, "number": seen.number}
    return await update(tx, "sandbox_subscriptions", key, values) == 1


async def set_declining(tx: Transaction, token: str, *, is_declining: bool) -> None:
    await tx.execute(
        "UPDATE sandbox_subscriptions SET is_declining = :flag WHERE token = :token",
        flag=int(is_declining),
        token=token,
    )


_ROWS = RowMapping(SandboxSubscription)
_FIXED = {"ref", "token", "account_id", "environment", "order_id", "provider", "customer_ref"}
# The payer may change is_declining at any time, so it isn't written here.
_CHANGING = _ROWS.part(
    *(name for name in _ROWS.columns if name not in _FIXED | {"created_at", "is_declining"})
)


def _try_out(one: SandboxSubscription) -> tuple[SandboxEvent, SandboxSubscription]:
    start = one.anchor_at - one.trial_days * DAY_US
    begun = replace(one, next_at=one.anchor_at)
    told, after = _event_and_state(one, "renewed", begun, start=start, end=one.anchor_at, amount=0)
    return dataclasses.replace(told, full_price=Price(0, one.currency)), after


def _pass_over(one: SandboxSubscription) -> tuple[SandboxEvent, SandboxSubscription]:
    turned = _turned(one)
    _, end = _period(turned.anchor_at, turned.interval, turned.cycle)
    return _changed(one, _until_it_resumes(replace(turned, cycle=turned.cycle + 1, next_at=end)))


def _resumed(
    one: SandboxSubscription, after: SandboxSubscription
) -> tuple[SandboxEvent, SandboxSubscription]:
    _, end = one.paid_period
    return _changed(one, replace(after, paused_at=None, resumes_at=None, next_at=end))


def _until_it_resumes(one: SandboxSubscription) -> SandboxSubscription:
    assert one.next_at is not None, "it goes on"
    return replace(one, next_at=min(one.next_at, one.resumes_at or one.next_at))


def _turned(one: SandboxSubscription) -> SandboxSubscription:
    if one.next_product_ref is None or one.next_interval is None or one.next_amount is None:
        return one
    chosen = replace(
        one,
        product_ref=one.next_product_ref,
        interval=one.next_interval,
        amount=one.next_amount,
        next_product_ref=None,
        next_interval=None,
        next_amount=None,
    )
    if one.next_interval == one.interval:
        return chosen
    return replace(chosen, anchor_at=one.paid_period[1], cycle=0, trial_days=0)


def _end(one: SandboxSubscription) -> tuple[SandboxEvent, SandboxSubscription]:
    start, end = one.paid_period
    return _event_and_state(
        one, "ended", replace(one, status="ended", next_at=None), start=start, end=end
    )


def _changed(
    one: SandboxSubscription, after: SandboxSubscription
) -> tuple[SandboxEvent, SandboxSubscription]:
    start, end = after.paid_period
    return _event_and_state(one, "changed", after, start=start, end=end)


def _event_and_state(
    one: SandboxSubscription,
    outcome: SubscriptionOutcome,
    after: SandboxSubscription,
    *,
    start: int,
    end: int,
    amount: int | None = None,
    is_prorated: bool = False,
) -> tuple[SandboxEvent, SandboxSubscription]:
    stem = one.ref.partition("_")[2]
    sandbox_event = SandboxEvent(
        outcome=outcome,
        kind="subscription",
        order_id=one.order_id,
        ref=one.ref,
        payment_id=one.payment_id,
        price=Price(after.amount if amount is None else amount, one.currency),
        event_id=f"evt_{stem}n{one.number}{outcome.replace('_', '')}",
        subscription_ref=one.ref,
        customer_ref=one.customer_ref,
        product_ref=after.next_product_ref or after.product_ref,
        period_start_at=start,
        period_end_at=end,
        full_price=Price(after.amount, one.currency),
        is_prorated=is_prorated,
        is_ending=after.is_ending,
        is_paused=after.paused_at is not None,
        resumes_at=after.resumes_at,
    )
    return sandbox_event, replace(after, number=one.number + 1)


def _period(anchor_at: int, interval: Interval, cycle: int) -> tuple[int, int]:
    months = MONTHS[interval]
    return add_months(anchor_at, cycle * months), add_months(anchor_at, (cycle + 1) * months)


async def _find(tx: Transaction, condition: str, value: str) -> SandboxSubscription | None:
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM sandbox_subscriptions WHERE {condition}", value=value
    )
    return None if row is None else _ROWS.read(row)


Tell = Callable[[Notification], Awaitable[object]]


class SandboxSteering:
    pauses_until = True

    def __init__(
        self, inner: Provider, name: str, database: Database, clock: Clock, tell: Tell
    ) -> None:
        self._inner = inner
        self._name = name
        self._database = database
        self._clock = clock
        self._tell = tell

    async def standing(self, subscription_ref: str) -> SubscriptionChanged:
        return _standing(await self._found(subscription_ref))

    async def steer(self, request: SteerRequest) -> SubscriptionChanged:
        one = await self._found(request.subscription_ref)
        if one.status == "ended":
            return _standing(one)
        sandbox_event, after = await self._done(one, request)
        stem = request.key.rpartition("_")[2]
        named = dataclasses.replace(sandbox_event, event_id=f"evt_{stem}", payment_id=f"pay_{stem}")
        await self._tell(self._inner.read(self._inner.simulate(named)))
        if not await self._database.transaction(lambda tx: note(tx, one, after)):
            raise unavailable(self._name, "changed meanwhile")
        return _standing(after)

    async def preview(self, request: SteerRequest) -> Price:
        one = await self._found(request.subscription_ref)
        sandbox_event, _ = await self._done(one, request)
        is_charged = sandbox_event.outcome == "renewed"
        return Price(sandbox_event.price.amount if is_charged else 0, one.currency)

    async def _done(
        self, one: SandboxSubscription, request: SteerRequest
    ) -> tuple[SandboxEvent, SandboxSubscription]:
        if request.act == "cancel_now":
            return end_now(one)
        if request.act == "resume" and one.paused_at is not None:
            return resume(one)
        if request.act in {"cancel", "resume"}:
            return end_with_period(one, is_ending=request.act == "cancel")

        if request.act == "pause":
            now_us = await self._database.read(
                lambda tx: sandbox_clock.now_of(tx, one.tenant, now_us=self._clock.now_us())
            )
            return pause(one, now_us=now_us, resumes_at=request.resumes_at)

        async def work(tx: Transaction) -> tuple[PlanItem | None, int]:
            sold = await list_plans(tx, one.environment, with_inactive=True)
            now_us = await sandbox_clock.now_of(tx, one.tenant, now_us=self._clock.now_us())
            return item_by_ref(sold, one.provider, request.product_ref or ""), now_us

        item, now_us = await self._database.read(work)
        if item is None:
            raise ProviderRefused("The sandbox has no such plan.")
        return choose(one, item, now_us=now_us)

    async def _found(self, subscription_ref: str) -> SandboxSubscription:
        try:
            return await self._database.read(lambda tx: find_ref(tx, subscription_ref))
        except NotFound:
            raise ProviderRefused("The sandbox has no such subscription.") from None


def _standing(one: SandboxSubscription) -> SubscriptionChanged:
    statuses: dict[str, SubscriptionStatus] = {"past_due": "past_due", "ended": "cancelled"}
    return SubscriptionChanged(
        Subject(one.order_id, (one.ref,)),
        one.ref,
        "paused" if one.is_paused else statuses.get(one.status, "active"),
        period_end_at=one.paid_period[1],
        is_ending=one.is_ending,
        product_ref=one.next_product_ref or one.product_ref,
        resumes_at=one.resumes_at,
    )
