"""Define orders as merchants and operators see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, convert

from billing.orders import order as orders
from billing.providers.event_log import LogEntry
from billing.topups.rules import LinkTokens
from kernel.errors import NotFound
from kernel.fields import said
from kernel.words import Credits, CurrencyCode, MinorUnits, Time, TransactionId
from webhooks.events import money_schemas

STATUS_PATH: Final = "/orders/status"


@dataclass(frozen=True, slots=True)
class OrderLinks:
    tokens: LinkTokens
    public_url: str

    def status_url(self, order_id: str) -> str:
        return f"{self.public_url}{self.status_path(order_id)}"

    def status_path(self, order_id: str) -> str:
        return f"{STATUS_PATH}/{self.tokens.token_of('order', order_id)}"

    def order_of(self, token: str) -> str:
        """Return the order ID in a token. Raise the same NotFound for every invalid token."""
        order_id = self.tokens.id_of("order", token)
        if order_id is None:
            raise NotFound("Page")
        return order_id


_Paid = Annotated[MinorUnits, said(currency="pay_currency")]


class Order(Struct, kw_only=True):
    """An order for credit. The payer pays at `url`. `url` is null until the provider has responded, or if there is
    nothing to pay.
    """

    id: Annotated[str, Meta(pattern=r"^ord_[0-9A-Za-z]+$")]
    status: orders.OrderStatus
    provider: Annotated[
        str,
        Meta(
            description="The payment provider, whose notifications settle the order. If the sandbox simulates it,"
            " this is still the simulated provider's name, never `sandbox`."
        ),
    ]
    url: Annotated[
        str | None,
        Meta(
            description="The page where the payer pays. Null until the provider has responded, and if there is"
            " nothing to pay."
        ),
    ]
    status_url: Annotated[
        str,
        Meta(
            description="The payer's page of the order, with the payment's outcome and `I have paid`, which"
            " queries the provider. It needs no account."
        ),
    ]
    pack_id: Annotated[str | None, Meta(description="The pack's ID. Null for an amount.")]
    amount: Annotated[int, Meta(ge=0, description="The list price, in the smallest unit.")]
    currency: CurrencyCode
    pay_amount: Annotated[int, Meta(ge=0, description="The amount that the provider charges.")]
    pay_currency: CurrencyCode
    credits: Credits
    refunded_amount: Annotated[
        int,
        Meta(
            ge=0,
            description="The part of the payment that was returned, in the smallest unit of pay_currency. For a"
            " plan, the sum over all periods.",
        ),
    ]
    coupon: str | None
    order_no: Annotated[
        str,
        Meta(pattern=r"^[0-9a-f]{32}$", description="The order's number, as sent to the provider."),
    ]
    reference: TransactionId
    created_at: Time
    paid_at: Time | None
    origin: Annotated[
        Literal["recharge"] | None,
        Meta(
            description="recharge if an auto-recharge made the order. Null if a user or key ordered."
        ),
    ]
    paid_amount: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="The amount paid, before tax, in the unit of pay_amount. 0 for a trial, null before"
            " payment."
        ),
    ]
    trial_days: Annotated[
        int,
        Meta(
            ge=0,
            description="The number of free days at a plan's beginning. The subscription has the end date.",
        ),
    ]

    @classmethod
    def of(cls, order: orders.Order, links: OrderLinks) -> "Order":
        return cls(**order.shape(), status_url=links.status_url(order.id))


class OperatorOrder(money_schemas.Order, kw_only=True):
    """An order with its account, its environment, and the provider's IDs."""

    pay_amount: _Paid
    refunded_amount: _Paid
    paid_amount: _Paid | None
    account_id: str
    environment: Literal["staging", "live"]
    payment_id: Annotated[str | None, Meta(description="The provider's ID of the payment.")]
    provider_ref: Annotated[str | None, Meta(description="The provider's ID of the checkout.")]
    reversed_micros: Annotated[
        int,
        Meta(
            ge=0,
            description="The credit that refunds and disputes took back, in millionths of a US dollar.",
        ),
    ]
    checks_made: Annotated[int, Meta(ge=0, description="How many times the provider was queried.")]
    reason: Annotated[
        str | None, Meta(description="Why the order is in review, or how it was decided.")
    ]


class ProviderNotification(Struct, kw_only=True):
    """A provider's report about an order, and how this gateway handled it."""

    provider: str
    event_id: str
    type: Annotated[str, Meta(description="The provider's name of the event.")]
    outcome: Annotated[str, Meta(description="The result of the event, such as applied or review.")]
    detail: Annotated[str, Meta(description="The result, in a sentence.")]
    reason: Annotated[
        str | None, Meta(description="The decision that an operator must make, or null.")
    ]
    expected: Annotated[str | None, Meta(description="The amount that was expected.")]
    came: Annotated[str | None, Meta(description="The amount that was paid.")]
    payment: Annotated[str | None, Meta(description="The provider's ID of the payment.")]
    received_at: Time
    resolved_at: Time | None


class OrderHistory(OperatorOrder, kw_only=True):
    """An order with its provider's reports, oldest first."""

    events: Annotated[list[ProviderNotification], Meta(description="The reports, oldest first.")]


def fields_of(order: orders.Order) -> dict[str, object]:
    return {
        **order.shape(),
        "account_id": order.account_id,
        "environment": order.environment,
        "payment_id": order.payment_id,
        "provider_ref": order.provider_ref,
        "reversed_micros": order.reversed_micros,
        "checks_made": order.checks_made,
        "reason": order.reason,
    }


def view_of(order: orders.Order) -> OperatorOrder:
    return convert(fields_of(order), OperatorOrder)


def history_of(found: tuple[orders.Order, Sequence[LogEntry]]) -> OrderHistory:
    order, entries = found
    events = [entry.shape() for entry in entries]
    return convert({**fields_of(order), "events": events}, OrderHistory)
