"""What is sold: products, prices, coupons, tax rates."""

from tests.support.stripe_api.account import Json, Refusal, StripeAccount
from tests.support.stripe_api.params import Params


def make_product(account: StripeAccount, params: Params) -> Json:
    name = params.needed("name")
    return account.make("product", name=name, active=True, metadata=params.metadata())


def make_price(account: StripeAccount, params: Params) -> Json:
    """A price of a product, which may be made with it; recurring where it says how often."""
    product = params.text("product")
    if product is None:
        product = make_product(account, params.inner("product_data"))["id"]
    recurring = params.inner("recurring")
    interval = recurring.text("interval")
    amount = params.whole("unit_amount")
    return account.make(
        "price",
        active=True,
        billing_scheme="per_unit",
        currency=params.needed("currency").lower(),
        lookup_key=params.text("lookup_key"),
        metadata=params.metadata(),
        nickname=params.text("nickname"),
        product=product,
        recurring=None
        if interval is None
        else {
            "interval": interval,
            "interval_count": recurring.whole("interval_count") or 1,
            "usage_type": "licensed",
        },
        tax_behavior="exclusive",
        type="one_time" if interval is None else "recurring",
        unit_amount=amount,
        unit_amount_decimal=str(amount),
    )


def price_of(account: StripeAccount, row: Params, *, param: str) -> Json:
    """The price that a line names, or describes."""
    if "price_data" in row:
        return make_price(account, row.inner("price_data"))
    return account.find("price", row.needed("price"), param=param)


def make_coupon(account: StripeAccount, params: Params) -> Json:
    percent, amount = params.text("percent_off"), params.whole("amount_off")
    if (percent is None) == (amount is None):
        raise Refusal("You must pass either percent_off or amount_off.", param="percent_off")
    duration = params.text("duration") or "once"
    return account.make(
        "coupon",
        amount_off=amount,
        currency=params.text("currency"),
        duration=duration,
        max_redemptions=params.whole("max_redemptions"),
        metadata=params.metadata(),
        percent_off=None if percent is None else float(percent),
        valid=True,
    )


def discount_of(account: StripeAccount, coupon_id: str, param: str) -> Json:
    """The coupon as it applies to one customer, subscription or invoice."""
    coupon = account.find("coupon", coupon_id, param=param)
    return account.make("discount", source={"type": "coupon", "coupon": coupon["id"]})


def make_tax_rate(account: StripeAccount, params: Params) -> Json:
    """One that comes on top of the price."""
    return account.make(
        "tax_rate",
        active=True,
        display_name=params.needed("display_name"),
        inclusive=params.flag("inclusive"),
        percentage=float(params.needed("percentage")),
    )


def less_by(account: StripeAccount, discount_id: str, amount: int) -> int:
    """How much of the amount a discount takes off."""
    discount = account.find("discount", discount_id)
    coupon = account.find("coupon", discount["source"]["coupon"])
    if coupon["amount_off"] is not None:
        return min(int(coupon["amount_off"]), amount)
    percent: float = coupon["percent_off"]
    return round(amount * percent / 100)


def lasts(account: StripeAccount, discount_id: str) -> bool:
    """Whether it applies to a later invoice, too."""
    discount = account.find("discount", discount_id)
    return bool(account.find("coupon", discount["source"]["coupon"])["duration"] != "once")
