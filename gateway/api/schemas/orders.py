"""The shapes of buying credit: packs and orders."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from billing.orders import order as orders
from billing.orders.links import OrderLinks
from kernel.words import Credits, CurrencyCode, Time, TransactionId


class Order(Struct, kw_only=True):
    """An order of credit. url is where the payer goes: null until the provider has answered, and
    where nothing is to be paid.
    """

    id: Annotated[str, Meta(pattern=r"^ord_[0-9A-Za-z]+$")]
    status: orders.OrderStatus
    provider: Annotated[
        str,
        Meta(
            description=(
                "Whose payment it is: its notifications settle the order. Where the sandbox stands"
                " in, the provider that it stands in for, so it is never `sandbox`."
            )
        ),
    ]
    url: Annotated[
        str | None,
        Meta(
            description="Where the payer goes; null until the provider has answered, and where nothing is to be paid."
        ),
    ]
    status_url: Annotated[
        str,
        Meta(
            description=(
                "The payer's own page of the order: what became of the payment, and `I have paid`,"
                " which asks the provider. It needs no account."
            )
        ),
    ]
    pack_id: Annotated[str | None, Meta(description="Null for an order of an amount.")]
    amount: Annotated[int, Meta(ge=0, description="The list price, in the smallest unit.")]
    currency: CurrencyCode
    pay_amount: Annotated[int, Meta(ge=0, description="What the provider charges.")]
    pay_currency: CurrencyCode
    credits: Credits
    refunded_amount: Annotated[
        int,
        Meta(
            ge=0,
            description="How much of the payment went back, in the smallest unit of pay_currency;"
            " of a plan, over all its periods.",
        ),
    ]
    coupon: str | None
    order_no: Annotated[
        str,
        Meta(
            pattern=r"^[0-9a-f]{32}$", description="The order's number, as the provider is told it."
        ),
    ]
    reference: TransactionId
    created_at: Time
    paid_at: Time | None
    origin: Annotated[
        Literal["recharge"] | None,
        Meta(description="recharge: bought by itself. Null: somebody ordered it."),
    ]
    paid_amount: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="What was paid, before tax, as pay_amount; 0: a trial. Null: nothing yet."
        ),
    ]
    trial_days: Annotated[
        int,
        Meta(
            ge=0,
            description="The free days that a plan begins with; its subscription says until when.",
        ),
    ]

    @classmethod
    def of(cls, order: orders.Order, links: OrderLinks) -> "Order":
        return cls(**order.shape(), status_url=links.status_url(order.id))
