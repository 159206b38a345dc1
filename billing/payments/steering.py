"""Change subscriptions at their providers: write the request, call the provider, and act on the response.

No transaction is open during a call. If the provider has ended a subscription, it also ends here. After an unclear
response, a worker reads the state and repeats the request with the same idempotency key. If the real provider has
replaced a simulated one, the simulated one's subscriptions change only in this gateway.
"""

import logging
from dataclasses import dataclass, replace
from typing import Final

from msgspec.structs import replace as with_fields

from billing.catalog import plan as plans
from billing.catalog.plan import MONTHS, PlanItem
from billing.engine.engine import Engine
from billing.ledger.price import Price
from billing.payments.notifications import NotificationHandler
from billing.payments.sandbox.subscription import SandboxSteering, Tell
from billing.providers.abilities import (
    Act,
    Pausing,
    PaymentDeclined,
    Previewing,
    Scheduling,
    Steering,
    SteerRequest,
    ability,
    has_ended,
)
from billing.providers.event_log import NotificationRef
from billing.providers.http import refusal_of
from billing.providers.protocol import (
    Interval,
    Notification,
    ProviderRefused,
    ProviderUnavailable,
    SubscriptionChanged,
)
from billing.providers.registry import Providers
from billing.subscriptions import records as subscription_rows, subscription_change
from billing.subscriptions.lifecycle import PutOffCheck
from billing.subscriptions.subscription import LIVING, Subscription
from billing.subscriptions.subscription_change import (
    ATTEMPTS_MAX,
    ChangedSubscription,
    ChangeNotAllowed,
    ChangeStatus,
    EndSubscriptionChange,
    RequestSubscriptionChange,
    SubscriptionChange,
)
from kernel.clock import SECOND_US, Clock
from kernel.errors import InvalidInput, NotFound
from kernel.tenant import Tenant
from keys import sandbox_clock
from keys.audit_log import Actor
from keys.principal import environment_of
from store.database import Database, Transaction


def is_charged_now(one: Subscription, item: PlanItem) -> bool:
    """Return whether the change is paid at once.

    It is paid at once if the interval becomes longer, or if the price rises for the same interval. In a trial,
    nothing is paid at once.
    """
    if one.is_in_trial:
        return False
    if item.interval != one.interval:
        return MONTHS[item.interval] > MONTHS[one.interval]
    return item.price.amount > one.amount


def is_shorter(one: Subscription, interval: Interval) -> bool:
    return MONTHS[interval] < MONTHS[one.interval] and not one.is_in_trial


def estimate(one: Subscription, item: PlanItem, now_us: int, period: tuple[int, int]) -> Price:
    """Estimate the price of a change: the new price minus the value of the unused time, rounded up."""
    start, end = period
    if not is_charged_now(one, item) or end <= start:
        return Price(0, item.price.currency)
    left, whole = max(0, end - now_us), end - start
    if item.interval != one.interval:
        return Price(max(0, item.price.amount - one.amount * left // whole), one.currency)
    return Price(-(-(item.price.amount - one.amount) * left // whole), one.currency)


def request_of(one: Subscription, change: SubscriptionChange) -> SteerRequest:
    assert one.provider_ref is not None, "whoever wanted it looked"
    return SteerRequest(
        one.provider_ref,
        change.act,
        change.id,
        product_ref=change.product_ref,
        from_ref=one.product_ref,
        is_charged_now=change.is_charged_now,
        is_at_end=change.interval is not None and is_shorter(one, change.interval),
        resumes_at=change.resumes_at,
    )


def unsaved(one: Subscription, item: PlanItem, *, charged: bool) -> SubscriptionChange:
    return SubscriptionChange(
        id="",
        subscription_id=one.id,
        account_id=one.account_id,
        environment=one.environment,
        act="change",
        plan_id=item.plan_id,
        interval=item.interval,
        product_ref=item.product_ref,
        amount=item.price.amount,
        is_charged_now=charged,
        requested_by="",
        created_at=0,
    )


STEER: Final = "steer"
PAUSE: Final = "pause_check"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SubscriptionChangeRequest:
    """A requested change. `resumes_at` is in whole seconds, and `by` is the operator.

    If `is_local`, the subscription ends or resumes only in this gateway, and the provider isn't called.
    """

    act: Act
    requested_by: str
    plan_id: str | None = None
    interval: Interval | None = None
    by: Actor | None = None
    why: str | None = None
    is_local: bool = False
    resumes_at: int | None = None


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """The cost of a change. `due` is charged now, and the new price applies from `at` on.

    `is_estimate` means that we computed `due` ourselves, without tax.
    """

    subscription: Subscription
    item: PlanItem
    due: Price
    at: int
    is_charged_now: bool
    is_estimate: bool


class SubscriptionSteering:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine: Engine,
        providers: Providers,
        notifications: NotificationHandler,
    ) -> None:
        self.database = database
        self._clock = clock
        self._engine = engine
        self._providers = providers
        self._notifications = notifications

    async def change(
        self, tenant: Tenant, subscription_id: str, wish: SubscriptionChangeRequest
    ) -> ChangedSubscription:
        """Change a subscription at its provider, and return it. If the response is unclear, the request stays open.

        Raise ChangeNotAllowed or ProviderRefused if the change is impossible.
        """
        one = await self._find(tenant, subscription_id)
        is_local = wish.is_local or self.is_orphan(one)
        item = await self._item(one, wish) if wish.act == "change" and not is_local else None
        if not is_local and one.status in LIVING:
            self._check_can(self._steering(one), one, wish)
        asked = await self._engine.submit(
            RequestSubscriptionChange(
                subscription_id=one.id,
                tenant=tenant,
                act=wish.act,
                requested_by=wish.requested_by,
                item=item,
                is_charged_now=item is not None and is_charged_now(one, item),
                resumes_at=wish.resumes_at,
                is_local=is_local,
                by=wish.by,
                why=wish.why,
            )
        )
        if asked.change is None or not asked.is_mine:
            return asked
        return await self._call_provider(asked.subscription, asked.change, is_first=True)

    async def resume(self, due: SubscriptionChange) -> None:
        claimed = await self.database.transaction(
            lambda tx: subscription_change.claim(tx, due, now_us=self._clock.now_us())
        )
        if claimed is None:
            return
        one = await self._find(due.tenant, due.subscription_id)
        try:
            await self._call_provider(one, claimed, is_first=False)
        except (ProviderRefused, ChangeNotAllowed) as error:
            fields = {"subscription_id": one.id, "act": due.act, "reason": error.detail}
            _log.warning("steer.refused", extra={"fields": fields})

    async def check_pause(self, one: Subscription) -> None:
        """Ask the provider whether a paused subscription has resumed. If there is no response, retry after an hour."""
        assert one.provider_ref is not None, "only its provider pauses one"
        ref = NotificationRef(
            one.provider, one.environment, f"{PAUSE}:{one.id}:{one.next_check_at}", PAUSE
        )
        try:
            standing = await self._steering(one).standing(one.provider_ref)
        except (ProviderRefused, ProviderUnavailable) as error:
            fields = {"subscription_id": one.id, "provider": one.provider, "reason": error.detail}
            _log.warning("pause.not_checked", extra={"fields": fields})
            await self._engine.submit(PutOffCheck(one.id, one.tenant))
            return
        await self._notifications.act_on([standing], ref)

    def can_pause(self, one: Subscription) -> bool:
        try:
            return isinstance(self._steering(one), Pausing)
        except ProviderRefused:
            return False

    async def preview(
        self, tenant: Tenant, subscription_id: str, plan_id: str | None, interval: Interval
    ) -> ChangePreview:
        """Return what a change would cost. The provider calculates the amount if it can."""
        one = await self._find(tenant, subscription_id)
        if one.status not in LIVING or self.is_orphan(one):
            raise ChangeNotAllowed(f"The subscription is {one.status}.", reason="ended")
        item = await self._item(one, SubscriptionChangeRequest("change", "", plan_id, interval))
        charged = is_charged_now(one, item)
        teller = self._teller(one)
        price = None
        # Query only if something is charged now. Otherwise Stripe would return the next renewal, or nothing.
        is_known = one.provider_ref is not None and one.next_plan_id is None
        if charged and teller is not None and is_known:
            price = await teller.preview(request_of(one, unsaved(one, item, charged=charged)))
        now_us = await self._own_now_us(one)
        due = price or estimate(one, item, now_us, await self._period(one))
        return ChangePreview(
            one,
            item,
            due,
            now_us if charged else one.paid_until_at or now_us,
            charged,
            is_estimate=charged and price is None,
        )

    async def end_orphans(self, tenant: Tenant, requested_by: str) -> bool:
        taken = await self.database.read(lambda tx: subscription_rows.load_taken(tx, [tenant]))
        orphans = [one for one in taken if self.is_orphan(one)]
        for one in orphans:
            await self.change(
                tenant, one.id, SubscriptionChangeRequest("cancel_now", requested_by, is_local=True)
            )
        return bool(orphans)

    async def end_orphan_of(self, order_id: str) -> None:
        """End a subscription that the order began at a simulated provider, if that provider is now real."""
        one = await self.database.read(lambda tx: subscription_rows.find_by_order(tx, order_id))
        if one is not None and self.is_orphan(one) and one.status in {*LIVING, "incomplete"}:
            wish = SubscriptionChangeRequest("cancel_now", "sandbox", is_local=True)
            await self.change(one.tenant, one.id, wish)

    def check_billed(self, one: Subscription) -> None:
        if self.is_orphan(one):
            raise ProviderRefused(
                f"This plan began in the sandbox. {one.provider} has real keys now, so the plan "
                "is no longer billed. End it, or buy a new plan."
            )

    def is_orphan(self, one: Subscription) -> bool:
        """Return whether the subscription began at a simulated provider that is now a real one."""
        return one.is_simulated and not self._providers.is_simulated(
            one.provider, environment_of(one.environment)
        )

    def can_change(self, one: Subscription) -> bool:
        try:
            self._steering(one)
        except ProviderRefused:
            return self.is_orphan(one)
        return True

    async def _call_provider(
        self, one: Subscription, change: SubscriptionChange, *, is_first: bool
    ) -> ChangedSubscription:
        """Call the provider. If it refuses, or has ended the subscription, end the request and raise the refusal."""
        request = request_of(one, change)
        # Providers' times are in whole seconds, so reports from this second are treated as older than the response.
        requested_at = self._clock.now_us() // SECOND_US * SECOND_US + SECOND_US - 1
        try:
            standing = await _steered(self._steering(one), request, is_first=is_first)
            await self._act_on(one, change, replace(standing, sent_at=requested_at))
        except ProviderRefused as error:
            refusal = refusal_of(error, request.in_words)
            await self._end(change, "refused", refusal.detail)
            raise refusal from error
        except ProviderUnavailable as error:
            if change.attempts >= ATTEMPTS_MAX:
                fields = {"subscription_id": one.id, "act": change.act, "reason": error.detail}
                _log.error("steer.given_up", extra={"fields": fields})
                return await self._end(change, "given_up", error.detail)
            why, now_us = error.detail, self._clock.now_us()
            await self.database.transaction(
                lambda tx: subscription_change.postpone(tx, change, why, now_us=now_us)
            )
            return ChangedSubscription(one, with_fields(change, reason=why))
        if has_ended(standing) and not request.is_reached(standing):
            why = f"it ended at {one.provider}"
            await self._end(change, "refused", why)
            raise ChangeNotAllowed(why, reason="ended")
        return await self._end(change, "done", None)

    async def _act_on(
        self, one: Subscription, change: SubscriptionChange, standing: SubscriptionChanged
    ) -> None:
        ref = NotificationRef(one.provider, one.environment, f"{STEER}:{change.id}", STEER)
        await self._notifications.act_on([standing], ref)

    async def _end(
        self, change: SubscriptionChange, status: ChangeStatus, reason: str | None
    ) -> ChangedSubscription:
        return await self._engine.submit(
            EndSubscriptionChange(
                subscription_id=change.subscription_id,
                tenant=change.tenant,
                change_id=change.id,
                status=status,
                reason=reason,
            )
        )

    def _steering(self, one: Subscription) -> Steering:
        environment = environment_of(one.environment)
        provider = self._providers.of(one.provider, environment)
        is_simulated = self._providers.is_simulated(one.provider, environment)
        if provider is None or is_simulated is not one.is_simulated:
            raise ProviderRefused(
                f"{one.provider} is no longer configured in the way that the plan requires. The operator can "
                "end the plan here."
            )
        if is_simulated:
            return SandboxSteering(
                provider, one.provider, self.database, self._clock, self._notifier(one)
            )
        found = ability(provider, Steering)  # type: ignore[type-abstract]  # a protocol is meant
        if found is None:
            raise ProviderRefused(f"{one.provider} doesn't support this. Use its portal.")
        return found

    def _check_can(
        self, steering: Steering, one: Subscription, wish: SubscriptionChangeRequest
    ) -> None:
        if wish.act != "pause":
            return
        if not isinstance(steering, Pausing):
            raise ProviderRefused(
                f"{one.provider} can't pause a plan. End the plan after its current period, and buy it again later."
            )
        if wish.resumes_at is not None and not steering.pauses_until:
            raise ProviderRefused(
                f"{one.provider} can't end a pause automatically. Omit `resumes_at`, and resume "
                "the plan yourself."
            )

    def _teller(self, one: Subscription) -> Previewing | None:
        steering = self._steering(one)
        return steering if isinstance(steering, Previewing) else None

    def _notifier(self, one: Subscription) -> Tell:
        async def tell(said: Notification) -> object:
            ref = NotificationRef(one.provider, one.environment, said.event_id, said.type)
            return await self._notifications.act_on(said.facts, ref)

        return tell

    async def _item(self, one: Subscription, wish: SubscriptionChangeRequest) -> PlanItem:
        if wish.plan_id is None or wish.interval is None:
            raise InvalidInput("Give the plan and its interval.", param="plan_id")
        place = (one.environment, wish.plan_id)
        sold = await self.database.read(lambda tx: plans.get_sold(tx, place))
        registration = self._providers.registration(one.provider)
        item = plans.item_of(sold, registration, wish.interval, is_simulated=one.is_simulated)
        if item.price.currency != one.currency:
            raise InvalidInput(
                f"The plan is sold in {item.price.currency}, but your current plan is paid in {one.currency}.",
                param="plan_id",
            )
        if item.product_ref is None or one.product_ref is None:
            raise InvalidInput(
                f"Both plans must have a price at {one.provider}, but one has none.",
                param="plan_id",
            )
        if is_shorter(one, item.interval) and not self._has_schedules(one):
            raise InvalidInput(
                f"{one.provider} can't change a yearly plan to a monthly one. Let this plan end "
                "with its paid year, then buy the monthly plan.",
                param="interval",
            )
        return item

    def _has_schedules(self, one: Subscription) -> bool:
        if one.is_simulated:
            return True
        steering = self._steering(one)
        return isinstance(steering, Scheduling) and steering.has_schedules

    async def _find(self, tenant: Tenant, subscription_id: str) -> Subscription:
        found = await self.database.read(lambda tx: subscription_rows.find(tx, subscription_id))
        if found is None or found.tenant != tenant:
            raise NotFound("Subscription")
        return found

    async def _period(self, one: Subscription) -> tuple[int, int]:
        async def work(tx: Transaction) -> tuple[int, int]:
            periods = (await subscription_rows.load_periods(tx, [one.id])).get(one.id, [])
            whole = [period for period in periods if not period.is_prorated] or periods
            return (whole[-1].period_start_at, whole[-1].period_end_at) if whole else (0, 0)

        return await self.database.read(work)

    async def _own_now_us(self, one: Subscription) -> int:
        return await self.database.read(
            lambda tx: sandbox_clock.now_of(tx, one.tenant, now_us=self._clock.now_us())
        )


async def _steered(
    provider: Steering, request: SteerRequest, *, is_first: bool
) -> SubscriptionChanged:
    if not is_first:
        standing = await provider.standing(request.subscription_ref)
        if request.is_reached(standing) or has_ended(standing):
            return standing
    try:
        return await provider.steer(request)
    except PaymentDeclined:
        raise
    except ProviderRefused as refusal:
        try:
            standing = await provider.standing(request.subscription_ref)
        except ProviderRefused:
            raise refusal from None
        if not has_ended(standing):
            raise
        return standing
