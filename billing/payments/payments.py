"""Sell credit through payment providers.

An order is written before its provider is called. After a crash, a retry or a worker continues. A notification must be
signed with the provider's secret, which also determines the environment. It is acknowledged only after everything is
committed.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from billing.catalog.coupon import CouponRefused
from billing.engine.engine import Engine
from billing.orders import records as order_list
from billing.orders.order import Order, OrderAnswer
from billing.orders.place import NewOrder, Placed
from billing.orders.settlement import NoteCheck, ending
from billing.orders.views import OrderLinks
from billing.payments.checkout import Checkouts, check_return_url
from billing.payments.notifications import NotificationHandler
from billing.payments.questions import (
    ASK_S_MAX,
    AskedOrder,
    NoteAnswer,
    Questions,
    answer_of,
    inquiry_of,
)
from billing.payments.recharging.charging import Charging
from billing.payments.recharging.customer_deletion import CustomerDeleter
from billing.payments.recharging.saving import Savings
from billing.payments.review import Resolve
from billing.payments.sandbox import subscription as sandbox_subscription
from billing.payments.steering import SubscriptionSteering
from billing.providers.event_log import NotificationOutcome, NotificationRef
from billing.providers.protocol import (
    Fact,
    Notification,
    NotificationRefused,
    Paid,
    ProviderRefused,
    ProviderUnavailable,
    Received,
)
from billing.providers.registry import Providers
from billing.recharges.recharge import ORIGIN
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.place import PlanCheckoutOpen, new_place
from billing.subscriptions.subscription import AlreadySubscribed
from kernel.clock import DAY_US, Clock
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.tenant import Tenant
from keys.principal import Environment, environment_of
from store.database import Database, Transaction

# An expired order is given up if its provider hasn't responded for this long. A late payment is still accepted.
SILENT_US: Final = 3 * DAY_US
PLACE_TRIES_MAX: Final = 4
# In staging, this name stands for any simulated provider.
SANDBOX: Final = "sandbox"

_log = logging.getLogger(__name__)


class NoWebhookSecret(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class Heard:
    environment: Environment
    event_id: str
    type: str
    outcome: NotificationOutcome


class Payments:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine: Engine,
        providers: Providers,
        links: OrderLinks,
    ) -> None:
        self.links = links
        self.providers = providers
        self._public_url = links.public_url
        self._database = database
        self._clock = clock
        self._engine = engine
        self._checkouts = Checkouts(database, clock, engine, providers, links)
        self.notifications = NotificationHandler(database, clock, engine, self._checkouts)
        self.savings = Savings(database, clock, providers, links.public_url)
        self.charging = Charging(
            database,
            clock,
            engine,
            providers,
            self.savings,
            self._checkouts,
            self.notifications,
        )
        self.forgetting = CustomerDeleter(database, clock, providers)
        self.questions = self.questions_within(ASK_S_MAX)
        self.steering = SubscriptionSteering(database, clock, engine, providers, self.notifications)

    def questions_within(self, ask_s_max: float) -> Questions:
        parts = (self._clock, self._engine, self._checkouts, self.notifications)
        return Questions(*parts, ask_s_max=ask_s_max)

    async def place(self, tenant: Tenant, new: NewOrder) -> Order:
        """Return a new order with its checkout. An order whose total is 0 is already paid.

        A call with the same request_digest continues the same order. After ProviderUnavailable, the order is pending.
        After ProviderRefused, it has failed.
        """
        completed = self._completed(new, tenant)
        if not completed.is_simulated:
            customer_ref = await self._database.read(
                lambda tx: subscription_rows.find_customer(tx, tenant, new.provider)
            )
            completed = replace(completed, customer_ref=customer_ref)
        if new.saves_payment:
            customer_ref = await self.savings.new_customer_ref(tenant, completed.provider)
            completed = replace(completed, customer_ref=customer_ref)
        placed = await self._placed(tenant, completed)
        order = placed.order
        if order.status == "pending" and order.url is None:
            return await self._checkouts.open(order)
        if order.status == "failed" and order.url is None and not placed.is_new:
            raise ProviderRefused(
                order.reason or f"{order.provider} refused the order",
                extra={"order_id": order.id},
            )
        return order

    async def _placed(self, tenant: Tenant, new: NewOrder) -> Placed:
        for _ in range(PLACE_TRIES_MAX - 1):
            try:
                return await self._engine.submit(new_place(tenant, new))
            except PlanCheckoutOpen as error:
                if not await self._ended(error.order):
                    raise
            except AlreadySubscribed:
                if not await self.steering.end_orphans(tenant, new.created_by or ""):
                    raise
        return await self._engine.submit(new_place(tenant, new))

    async def _ended(self, order: Order) -> bool:
        if await self._checkouts.close(order):
            return True
        if order.provider_ref is None:
            return False
        facts = await self._checkouts.inquire(order, order.provider_ref)
        await self.notifications.confirm(order, facts, inquiry_of(order))
        now = await self._database.read(lambda tx: order_list.find(tx, order.id))
        return now is None or now.status != "pending"

    async def notified(self, name: str, received: Received) -> Heard:
        """Process a notification, and return once everything is durable.

        Raise ProviderUnavailable if the provider should send the notification again.
        """
        environment, said = self._verified(name, received)
        notification = NotificationRef(name, environment, said.event_id, said.type)
        outcome = await self.notifications.act_on(said.facts, notification)
        heard = Heard(environment, said.event_id, said.type, outcome)
        _log.info(
            "payment.notified",
            extra={
                "fields": {
                    "provider": name,
                    "environment": environment,
                    "event_id": said.event_id,
                    "type": said.type,
                    "outcome": outcome,
                }
            },
        )
        return heard

    async def portal(self, tenant: Tenant, return_url: str) -> str:
        """Return the URL at which the account manages its plan. Raise NotFound if it never had a plan."""
        check_return_url(return_url, param="return_url")
        one = await self._database.read(lambda tx: subscription_rows.latest(tx, tenant))
        if one is None:
            raise NotFound("Subscription")
        self.steering.check_billed(one)
        environment = environment_of(one.environment)
        provider = self.providers.of(one.provider, environment)
        is_simulated = self.providers.is_simulated(one.provider, environment)
        registration = self.providers.registration(one.provider)
        has_portal = registration is not None and registration.has_portal
        if provider is None or not has_portal or is_simulated is not one.is_simulated:
            raise ProviderRefused(
                f"{one.provider} is no longer configured in the way that the plan requires."
            )
        if is_simulated:
            begun = await self._database.read(
                lambda tx: sandbox_subscription.find_of_order(tx, one.order_id)
            )
            if begun is None:
                raise NotFound("Subscription")
            query = urlencode({"return_url": return_url})
            return f"{self._public_url}{sandbox_subscription.PATH}/{begun.token}?{query}"
        if one.customer_ref is None:
            raise ProviderUnavailable(
                f"{one.provider} hasn't reported the customer yet. Try again shortly."
            )
        return await provider.portal(one.customer_ref, return_url)

    async def check(self, due: Order) -> None:
        """Open or query an order's checkout, or end the order if it has expired.

        If several workers check the same order, only one continues. The provider's failures aren't raised.
        """
        checked = await self._engine.submit(NoteCheck(due.id, due.tenant, due.checks_made))
        order = checked.order
        if not checked.is_mine:
            return
        if order.origin == ORIGIN and order.provider_ref is None:
            return  # recharging/charging.py sends this order's charge
        is_over = self._clock.now_us() >= order.expires_at
        answer: OrderAnswer = "silent"
        try:
            if order.provider_ref is not None:
                facts = await self._checkouts.inquire(order, order.provider_ref)
                await self.notifications.confirm(order, facts, inquiry_of(order))
                answer = answer_of(facts)
            elif not is_over:
                await self._checkouts.open(order)
        except (ProviderUnavailable, ProviderRefused) as error:
            fields = {"order_id": order.id, "provider": order.provider, "reason": error.detail}
            _log.warning("order.not_asked", extra={"fields": fields})
            is_over = self._clock.now_us() >= order.expires_at + SILENT_US
        if order.provider_ref is not None and order.answer != answer:
            await self._engine.submit(NoteAnswer(order.id, order.tenant, answer))
        is_charge = order.origin == ORIGIN and order.url is None
        if is_over and not is_charge:
            await self._engine.submit(ending(order, "expired", "it was not paid in time"))

    async def query(self, order: Order) -> Sequence[Fact]:
        if order.provider_ref is None:
            return ()
        facts = await self._checkouts.inquire(order, order.provider_ref)
        # Payments that are already known are left out, because they would fill the notification log.
        news = [one for one in facts if not _is_payment_of(one, order)]
        await self.notifications.confirm(order, news, inquiry_of(order))
        return facts

    async def linked(
        self, notification: NotificationRef, object_ids: Sequence[str]
    ) -> Sequence[str]:
        pairs = await self._checkouts.linked(notification, object_ids)
        return sorted({*object_ids, *(one for pair in pairs for one in pair)})

    async def check_now(self, tenant: Tenant, order_id: str) -> AskedOrder:
        async def work(tx: Transaction) -> Order:
            return await order_list.get(tx, tenant, order_id)

        order = await self._database.read(work)
        if order.status == "pending" and order.provider_ref is None:
            await self.check(order)
            order = await self._database.read(work)
            return AskedOrder(order, "not_open" if order.provider_ref is None else "opened")
        return await self.questions.check(order)

    async def approve(self, command: Resolve) -> Order:
        """Credit an order, then process earlier reports about its plan."""
        order = (await self._engine.submit(command)).order
        if order.kind == "subscription":
            await self.notifications.take_up_of(order, command.resolution_id)
        return order

    def _completed(self, new: NewOrder, tenant: Tenant) -> NewOrder:
        environment = environment_of(tenant.environment)
        new = replace(new, provider=self._named(new, environment))
        registration = self.providers.registration(new.provider)
        assert registration is not None, "an offered provider was found"
        if new.kind not in registration.kinds:
            raise InvalidInput(f"{new.provider} doesn't support {new.kind}.", param="provider")
        is_simulated = self.providers.is_simulated(new.provider, environment)
        is_discount_taken = registration.takes_discount or is_simulated
        if new.plan is not None and new.coupon is not None and not is_discount_taken:
            detail = f"{new.provider} doesn't accept coupons for a plan."
            raise CouponRefused(detail, param="coupon", reason="kind")
        for param in ("success_url", "cancel_url"):
            url = getattr(new, param)
            if url is not None:
                check_return_url(url, param=param)
        return replace(
            new,
            charge=self.providers.charge(new.provider, environment),
            is_simulated=is_simulated,
            method=self._method(new, environment),
        )

    def _named(self, new: NewOrder, environment: Environment) -> str:
        """Return the provider's name. `sandbox` means a simulated provider that charges in the order's own currency."""
        offered = self.providers.offered(environment)
        if new.provider in offered:
            return new.provider
        simulated = [
            name
            for name in offered
            if self.providers.is_simulated(name, environment)
            and not self.providers.charge(name, environment).currency
        ]
        if new.provider == SANDBOX and simulated:
            return simulated[0]
        listed = ", ".join([*offered, SANDBOX] if simulated else offered)
        problem = (
            f"The provider must be one of {listed}."
            if listed
            else f"No provider is set up in {environment}."
        )
        raise InvalidInput(problem, param="provider")

    def _method(self, new: NewOrder, environment: Environment) -> str | None:
        ways = self.providers.methods(new.provider, environment)
        if new.method is not None and new.method not in ways:
            raise InvalidInput(
                f"{new.provider} doesn't have this payment method.", param="payment_method"
            )
        return new.method or next(iter(ways), None)

    def _verified(self, name: str, received: Received) -> tuple[Environment, Notification]:
        readers = self.providers.readers(name)
        if not readers:
            raise NoWebhookSecret(
                f"The notification can't be verified: {name} has no webhook secret."
            )
        refusals: list[NotificationRefused] = []
        for environment, provider in readers:
            try:
                return environment, provider.read(received)
            except NotificationRefused as error:
                refusals.append(error)
        # The wrong environment's secret also refuses the signature, so prefer any other reason.
        raise next((one for one in refusals if one.reason != "signature"), refusals[0])


def _is_payment_of(fact: Fact, order: Order) -> bool:
    return isinstance(fact, Paid) and fact.payment_id == order.payment_id
