"""Coupons: codes that lower an order's price."""

from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Annotated, Literal

from msgspec import Meta, Struct

from billing.catalog import coupon as coupons
from billing.catalog.coupon import CODE_CHARACTERS_MAX, PERCENT_MAX, USES_MAX, CouponTaken
from billing.ledger.price import check_currency, price_of
from kernel.fields import Fields, Page, ShortText, Time as TimeText, said, time_us
from kernel.words import MinorUnits, Time
from keys.act import OPERATOR, Act, ActContext, Audited, Change, ListAct
from store.keyset import Begin

Uses = Annotated[int, Meta(ge=1, le=USES_MAX)]


class Coupon(Struct, kw_only=True):
    """A coupon, and how often it was used."""

    id: str
    environment: str
    code: Annotated[str, Meta(description="The code that payers enter.")]
    kind: Annotated[Literal["percent", "amount"], Meta(description="A percentage or an amount.")]
    percent: Annotated[int | None, said("Percent off")]
    amount_off: MinorUnits | None
    currency: str | None
    minimum_amount: Annotated[MinorUnits | None, said("Minimum order")]
    uses_max: Annotated[int | None, said("Total uses")]
    uses_per_account: int | None
    used_count: Annotated[int, Meta(description="The number of uses."), said("Used")]
    active: Annotated[bool, said("Status")]
    expires_at: Annotated[Time | None, said("Expires")]
    created_at: Time


class NewCoupon(Fields, frozen=True, kw_only=True):
    """The coupon to create. Give either `percent` or `amount_off`."""

    code: Annotated[
        ShortText,
        Meta(
            description=f"The code that payers enter: 2 to {CODE_CHARACTERS_MAX} letters, digits, _ and -, in either case."
        ),
    ]
    percent: (
        Annotated[
            int,
            Meta(ge=1, le=PERCENT_MAX, description="The percentage of the list price."),
            said("Percent off", hint="Percentage of the list price. Give this or an amount."),
        ]
        | None
    ) = None
    amount_off: (
        Annotated[
            ShortText,
            Meta(
                description="The amount to deduct, as a decimal number such as 5.00, instead of a percentage."
            ),
        ]
        | None
    ) = None
    minimum: (
        Annotated[
            ShortText,
            Meta(
                description="The smallest list price to which the coupon applies, as a decimal number such as 20.00."
            ),
            said("Minimum order"),
        ]
        | None
    ) = None
    currency: Annotated[ShortText, Meta(description="The amounts' currency (ISO 4217).")] = "USD"
    uses_max: (
        Annotated[
            Uses,
            Meta(description="How often the coupon can be used in all. No limit by default."),
            said("Total uses"),
        ]
        | None
    ) = None
    uses_per_account: (
        Annotated[
            Uses, Meta(description="How often one account can use the coupon. No limit by default.")
        ]
        | None
    ) = None
    expires_at: (
        Annotated[
            TimeText,
            Meta(
                description="From this time on, orders can't use the coupon. By default it doesn't expire."
            ),
            said("Expiry (UTC)"),
        ]
        | None
    ) = None


def view_of(coupon: coupons.Coupon) -> Coupon:
    return Coupon(**coupon.shape())


async def create_coupon(context: ActContext, asked: NewCoupon) -> Change[coupons.Coupon]:
    currency = check_currency(asked.currency)
    amount_off, minimum = (
        None if text is None else price_of(text, currency, param=name).amount
        for name, text in (("amount_off", asked.amount_off), ("minimum", asked.minimum))
    )
    coupon = coupons.new_coupon(
        context.tenant.environment,
        asked.code,
        now_us=context.now_us,
        percent=asked.percent,
        amount_off=amount_off,
        minimum_amount=minimum,
        currency=None if amount_off is None and minimum is None else currency,
        uses_max=asked.uses_max,
        uses_per_account=asked.uses_per_account,
        expires_at=time_us(asked.expires_at, "expires_at"),
    )
    return Change(after=await coupons.create(context.tx, coupon))


async def _set_active(
    context: ActContext, _asked: Fields, *, is_active: bool
) -> Change[coupons.Coupon]:
    before, after = await coupons.set_active(
        context.tx, context.tenant.environment, context.object_id, is_active=is_active
    )
    return Change(before=before, after=after)


async def listed(
    context: ActContext, _asked: Page, begin: Begin, limit: int
) -> Sequence[coupons.Coupon]:
    return await coupons.list_coupons(
        context.tx, context.tenant.environment, before_id=begin, limit=limit
    )


LIST_COUPONS = ListAct(
    name="coupons.list",
    summary="List coupons, newest first",
    path="/coupons",
    audience=(OPERATOR,),
    query=Page,
    run=listed,
    view=view_of,
    result=Coupon,
    prefix="cpn",
    is_catalogue=True,
    named_by="code",
    columns=(
        *("code", "percent", "amount_off", "minimum_amount", "used_count", "uses_max"),
        *("expires_at", "active"),
    ),
    examples=("topup coupons list --environment live",),
)
CREATE_COUPON = Act(
    name="coupons.create",
    moves_money=True,
    summary="Create a coupon",
    description="The discounted part of an order becomes promotional credit.",
    path="/coupons",
    audience=(OPERATOR,),
    input=NewCoupon,
    run=create_coupon,
    view=view_of,
    result=Coupon,
    status=201,
    refuses=(CouponTaken,),
    is_catalogue=True,
    audit=Audited("coupon.create", coupons.Coupon.shape, is_whole=True),
    done="The coupon can be used now.",
    examples=(
        "topup coupons create --code SPRING --percent 10 --uses-per-account 1",
        "topup coupons create --code FIVE --amount-off 5.00 --minimum 20.00",
    ),
)
DISABLE_COUPON = Act(
    name="coupons.disable",
    undo="coupons.enable",
    summary="Disable a coupon",
    description="New orders can't use the coupon. Existing orders keep their discount.",
    path="/coupons/{coupon_code}/disable",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_set_active, is_active=False),
    view=view_of,
    result=Coupon,
    is_catalogue=True,
    named_by="code",
    audit=Audited("coupon.disable", coupons.Coupon.shape, is_whole=True),
    applies=attrgetter("active"),
    done="The coupon is disabled. Existing orders keep their discount.",
    examples=("topup coupons disable SPRING",),
)
ENABLE_COUPON = Act(
    name="coupons.enable",
    undo="coupons.disable",
    moves_money=True,
    summary="Enable a coupon",
    description="New orders can use the coupon again.",
    path="/coupons/{coupon_code}/enable",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_set_active, is_active=True),
    view=view_of,
    result=Coupon,
    is_catalogue=True,
    named_by="code",
    audit=Audited("coupon.enable", coupons.Coupon.shape, is_whole=True),
    applies=lambda coupon: not coupon.active,
    done="The coupon can be used again.",
    examples=("topup coupons enable SPRING",),
)
ACTS = (LIST_COUPONS, CREATE_COUPON, DISABLE_COUPON, ENABLE_COUPON)
