"""A simulated provider changes its subscriptions as the real one would.

It is reported in the provider's own words first and noted then. IDs come from the request, so a repeat after
a crash counts once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from billing.catalog.plan import PlanItem, item_by_ref, list_plans
from billing.ledger.price import Price
from billing.payments.sandbox import subscription as sandbox_rows
from billing.payments.sandbox.subscription import SandboxSubscription
from billing.providers.abilities.steering import SteerRequest
from billing.providers.http import unavailable
from billing.providers.protocol import (
    Notification,
    Provider,
    ProviderRefused,
    SandboxEvent,
    Subject,
    SubscriptionChanged,
    SubscriptionStatus,
)
from kernel.clock import Clock
from kernel.errors import NotFound
from keys import sandbox_clock
from store.database import Database, Transaction

Tell = Callable[[Notification], Awaitable[object]]


class SandboxSteering:
    """Implements billing.providers.abilities.steering.Steering, Pausing and Previewing; tell: acts on its
    reports.
    """

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
        named = replace(sandbox_event, event_id=f"evt_{stem}", payment_id=f"pay_{stem}")
        await self._tell(self._inner.read(self._inner.simulate(named)))
        if not await self._database.transaction(lambda tx: sandbox_rows.note(tx, one, after)):
            # It was billed just now: check its standing before anything is done.
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
            return sandbox_rows.end_now(one)
        if request.act == "resume" and one.paused_at is not None:
            return sandbox_rows.resume(one)
        if request.act in {"cancel", "resume"}:
            return sandbox_rows.end_with_period(one, is_ending=request.act == "cancel")

        if request.act == "pause":
            now_us = await self._database.read(
                lambda tx: sandbox_clock.now_of(tx, one.tenant, now_us=self._clock.now_us())
            )
            return sandbox_rows.pause(one, now_us=now_us, resumes_at=request.resumes_at)

        async def work(tx: Transaction) -> tuple[PlanItem | None, int]:
            sold = await list_plans(tx, one.environment, with_inactive=True)
            now_us = await sandbox_clock.now_of(tx, one.tenant, now_us=self._clock.now_us())
            return item_by_ref(sold, one.provider, request.product_ref or ""), now_us

        item, now_us = await self._database.read(work)
        if item is None:
            raise ProviderRefused("the sandbox knows no such plan")
        return sandbox_rows.choose(one, item, now_us=now_us)

    async def _found(self, subscription_ref: str) -> SandboxSubscription:
        try:
            return await self._database.read(lambda tx: sandbox_rows.find_ref(tx, subscription_ref))
        except NotFound:
            raise ProviderRefused("the sandbox knows no such subscription") from None


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
