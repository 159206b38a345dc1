"""Represent a route's response. Its HTTP status and body are stored for repeated requests."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from billing.ledger.price import Price
from store.idempotency import StoredAnswer

Answer = StoredAnswer


Number = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "number"})]

_encode = msgspec.json.Encoder().encode


def plain_answer(body: Any, *, http_status: int = 200) -> Answer:
    return Answer(http_status, _encode(body))


def number(units: int, places: int) -> msgspec.Raw:
    assert units >= 0, "no price and no balance is negative"
    whole, part = divmod(units, 10**places)
    fraction = f"{part:0{places}d}".rstrip("0") if places else ""
    return msgspec.Raw(f"{whole}.{fraction or '0'}".encode())


def price_number(price: Price) -> msgspec.Raw:
    return number(price.amount, price.places)
