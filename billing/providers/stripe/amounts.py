"""Convert between Stripe's unit and ours; nothing else does."""

from billing.ledger.price import Price
from billing.providers.protocol import PriceRefused

# Stripe's own places where they differ from ISO 4217's: ISK and UGX have two that are always 00.
_PLACES = {"ISK": 2, "UGX": 2, "MGA": 0}
_THREE_PLACES_STEP = 10  # their last digit must be 0


class Unreadable(ValueError):
    pass


def to_stripe(price: Price) -> int:
    """Return the amount in Stripe's unit; raise PriceRefused if Stripe can't charge it."""
    if not price.is_listed:
        raise PriceRefused(f"stripe can't charge {price.words()}: the currency isn't listed")
    places = price.places
    theirs = _PLACES.get(price.currency, places)
    amount, rest = divmod(price.amount * _power(theirs - places), _power(places - theirs))
    if rest or (places == 3 and amount % _THREE_PLACES_STEP):
        raise PriceRefused(
            f"stripe cannot charge {price.decimal()} {price.currency}: the amount is too fine"
        )
    return amount


def from_stripe(amount: int, currency: str) -> Price:
    """Return Stripe's price; raise Unreadable for one without a unit of ours. An unlisted currency stays in
    Stripe's unit: it equals no price of ours, so an operator decides.
    """
    code = currency.upper()
    places = Price(amount, code).places
    theirs = _PLACES.get(code, places)
    ours, rest = divmod(amount * _power(places - theirs), _power(theirs - places))
    if rest or amount < 0 or len(code) != 3:
        raise Unreadable("an amount")
    return Price(ours, code)


def _power(places: int) -> int:
    return int(10 ** max(0, places))
