"""Open an order's checkout at its provider, and attach the checkout to the order.

No transaction is open during a call. A retry sends the same request, so that an idempotent provider opens only one
checkout. An account has one customer for each provider and environment.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from billing.engine.batch_state import BatchState
from billing.engine.engine import Engine
from billing.ledger.money import MICROS_PER_CREDIT
from billing.orders.order import Order, amend
from billing.orders.reversal import OnOrder, OrderResult
from billing.orders.settlement import AttachCheckout, ending
from billing.orders.views import OrderLinks
from billing.orders.working_set import OrderWorkingSet
from billing.payments.sandbox.checkout import SandboxProvider
from billing.providers.abilities import (
    CustomerGone,
    CustomerRequest,
    Customers,
    PaidSum,
    ability,
)
from billing.providers.event_log import NotificationRef
from billing.providers.protocol import (
    CheckoutRequest,
    Closing,
    Fact,
    InvoicePaid,
    Linking,
    Opened,
    ProviderRefused,
    ProviderUnavailable,
)
from billing.providers.registry import Providers
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.records import find_by_order
from billing.subscriptions.subscription import Subscription
from kernel.clock import Clock
from kernel.errors import InvalidInput
from kernel.limits import URL_CHARACTERS_MAX
from keys.account import email_of
from keys.principal import environment_of
from store.database import Database, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class NameCustomer(OnOrder):
    customer_ref: str
    gone: str | None = None
    notification: None = None

    def apply(self, state: BatchState, order: Order) -> OrderResult:
        if order.customer_ref not in {None, self.gone}:
            return OrderResult(order, "repeated")
        named = amend(order, customer_ref=self.customer_ref)
        state.working_set(OrderWorkingSet).change(named)
        return OrderResult(named, "applied")


class CustomerBook:
    def __init__(self, database: Database, clock: Clock, engine: Engine) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine

    async def named(self, order: Order, provider: object, *, gone: str | None = None) -> Order:
        """Return the order with its customer, if the provider has customers. `gone` is a customer to replace."""
        maker = ability(provider, Customers)  # type: ignore[type-abstract, arg-type]
        if maker is None or (order.customer_ref is not None and gone is None):
            return order
        ref = await self._known(order, gone) or await self._made(order, maker, gone)
        command = NameCustomer(order_id=order.id, tenant=order.tenant, customer_ref=ref, gone=gone)
        return (await self._engine.submit(command)).order

    async def _known(self, order: Order, gone: str | None) -> str | None:
        known = await self._database.read(
            lambda tx: subscription_rows.find_customer(tx, order.tenant, order.provider)
        )
        return None if known == gone else known

    async def _made(self, order: Order, maker: Customers, gone: str | None) -> str:
        request = CustomerRequest(
            key="/".join(("customer", *order.tenant, gone or "first")),
            account_id=order.account_id,
            environment=order.environment,
            email=await self._database.read(lambda tx: email_of(tx, order.account_id)),
        )
        made, now_us = await maker.make_customer(request), self._clock.now_us()
        return await self._database.transaction(
            lambda tx: subscription_rows.save_first_customer(
                tx, order.tenant, order.provider, made, gone=gone, now_us=now_us
            )
        )


class Checkout(Protocol):
    async def open(self, request: CheckoutRequest) -> Opened: ...

    async def inquire(self, order_id: str, ref: str) -> Sequence[Fact]: ...


class Checkouts:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        engine: Engine,
        providers: Providers,
        links: OrderLinks,
    ) -> None:
        self._links = links
        self._database = database
        self._clock = clock
        self._engine = engine
        self._providers = providers
        self._customers = CustomerBook(database, clock, engine)
        self._public_url = links.public_url

    async def open(self, order: Order) -> Order:
        """Open the checkout.

        After ProviderUnavailable, the order is still pending. After ProviderRefused, it has failed. Both errors name
        the order.
        """
        try:
            order, opened = await self._opened(order)
        except ProviderUnavailable as error:
            error.extra["order_id"] = order.id
            raise
        except ProviderRefused as error:
            await self._engine.submit(ending(order, "failed", error.detail))
            error.extra["order_id"] = order.id
            raise
        settled = await self._engine.submit(
            AttachCheckout(
                order_id=order.id,
                tenant=order.tenant,
                url=opened.url,
                provider_ref=opened.ref,
                objects=opened.objects,
                customer_ref=opened.customer_ref,
                invoice_pdf=opened.invoice_pdf,
            )
        )
        return settled.order

    async def _opened(self, order: Order) -> tuple[Order, Opened]:
        checkout = self._checkout_of(order)
        if isinstance(checkout, SandboxProvider):
            return order, await checkout.open(await self._request(order))
        order = await self._customers.named(order, checkout)
        try:
            return order, await checkout.open(await self._request(order))
        except CustomerGone:
            order = await self._customers.named(order, checkout, gone=order.customer_ref)
            return order, await checkout.open(await self._request(order))

    async def inquire(self, order: Order, ref: str) -> Sequence[Fact]:
        return await self._checkout_of(order).inquire(order.id, ref)

    async def close(self, order: Order) -> bool:
        """Close the checkout, and end the order once nobody can pay it. Return whether the order was ended."""
        try:
            if order.provider_ref is None:
                order = await self.open(order)
            checkout = self._checkout_of(order)
            if order.provider_ref is None or not isinstance(checkout, Closing):
                return False
            if not await checkout.close(order.id, order.provider_ref):
                return False
        except ProviderRefused:
            pass
        reason = "another checkout of a plan was begun"
        await self._engine.submit(ending(order, "expired", reason))
        return True

    async def linked(
        self, notification: NotificationRef, object_ids: Sequence[str]
    ) -> Sequence[tuple[str, str]]:
        environment = environment_of(notification.environment)
        provider = self._providers.of(notification.provider, environment)
        is_simulated = self._providers.is_simulated(notification.provider, environment)
        if is_simulated or not isinstance(provider, Linking):
            return ()
        try:
            return await provider.linked(object_ids)
        except ProviderRefused:
            return ()

    async def with_sum(self, notification: NotificationRef, paid: InvoicePaid) -> InvoicePaid:
        environment = environment_of(notification.environment)
        provider = self._providers.of(notification.provider, environment)
        if provider is None or self._providers.is_simulated(notification.provider, environment):
            return paid
        asked = ability(provider, PaidSum)  # type: ignore[type-abstract]  # a protocol is meant
        try:
            return paid if asked is None else await asked.with_sum(paid)
        except ProviderRefused:
            return paid

    def _checkout_of(self, order: Order) -> Checkout:
        environment = environment_of(order.environment)
        provider = self._providers.of(order.provider, environment)
        is_simulated = self._providers.is_simulated(order.provider, environment)
        if provider is None or is_simulated is not order.is_simulated:
            raise ProviderRefused(
                f"{order.provider} is no longer configured in the way that the order requires."
            )
        if not is_simulated:
            return provider
        return SandboxProvider(
            provider, order.provider, self._database, self._clock, self._public_url
        )

    async def _request(self, order: Order) -> CheckoutRequest:
        registration = self._providers.registration(order.provider)
        assert registration is not None, "its provider was just found"

        async def known(tx: Transaction) -> tuple[str | None, Subscription | None]:
            email = await email_of(tx, order.account_id)
            begun = await find_by_order(tx, order.id) if order.kind == "subscription" else None
            return email, begun

        email, begun = await self._database.read(known)
        status_url = self._links.status_url(order.id)
        return CheckoutRequest(
            order_id=order.id,
            kind=order.kind,
            price=order.price,
            title=title_of(order),
            success_url=order.success_url or status_url,
            cancel_url=order.cancel_url or status_url,
            notify_url=self._public_url + registration.paths[0],
            customer_email=email,
            customer_ref=order.customer_ref,
            method=order.method,
            interval=order.interval,
            product_ref=None if begun is None else begun.product_ref,
            discount=0 if begun is None else begun.amount - begun.first_amount,
            trial_days=0 if begun is None else begun.trial_days,
            expires_at=order.expires_at,
            return_url=status_url,
            saves_payment=order.saves_payment,
        )


def title_of(order: Order) -> str:
    return order.pack_name or f"{order.credits_micros // MICROS_PER_CREDIT:,} credits"


_VISIBLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def check_return_url(text: str, *, param: str) -> str:
    if len(text) > URL_CHARACTERS_MAX:
        raise InvalidInput(f"A URL can have at most {URL_CHARACTERS_MAX} characters.", param=param)
    # Browsers treat a backslash as a slash, so a text that looks like a path may name another host.
    if not _VISIBLE.fullmatch(text) or "\\" in text:
        raise InvalidInput("A URL may contain only visible ASCII characters.", param=param)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise InvalidInput("This isn't a valid URL.", param=param) from None
    if parts.scheme not in {"http", "https"}:
        raise InvalidInput("A URL begins with https:// or http://.", param=param)
    if "@" in parts.netloc:
        raise InvalidInput("The URL must not contain a user name or password.", param=param)
    host = parts.netloc if port is None else parts.netloc.rpartition(":")[0]
    if not _HOST.fullmatch(host):
        raise InvalidInput("The URL has no host.", param=param)
    return text
