"""Check Creem's key and each plan's product, read-only. Its API lists no webhooks."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from billing.ledger.price import Price, check_currency
from billing.providers.abilities import (
    SetupFinding,
    WantedPrice,
    WantedSetup,
    price_finding,
)
from billing.providers.protocol import Interval, ProviderRefused
from kernel.errors import InvalidInput

PERIODS: Final[dict[Interval, str]] = {"month": "every-month", "year": "every-year"}
# A page of one: the question is whether the key is known.
_ANY_PRODUCT: Final = "/v1/products/search?page_number=1&page_size=1"


class CreemProduct(msgspec.Struct):
    price: int | None = None
    currency: str = ""
    billing_type: str = ""
    billing_period: str = ""
    status: str = "active"


AskProduct = Callable[[str, type[CreemProduct]], Awaitable[CreemProduct]]


class CreemSetupCheck:
    def __init__(self, ask: AskProduct, credit_product: str | None, unit_amount: int) -> None:
        self._ask = ask
        self._credit_product = credit_product
        self._unit_amount = unit_amount

    async def check_setup(self, wanted: WantedSetup) -> Sequence[SetupFinding]:
        try:
            await self._ask(_ANY_PRODUCT, CreemProduct)
        except ProviderRefused:
            mode = "live" if wanted.is_live else "test"
            where = wanted.setting("CREEM_API_KEY")
            detail = f"Creem's {mode} mode does not know the key: give {where} anew"
            return (SetupFinding("key", False, detail),)
        found = [SetupFinding("key", True, "works"), _webhook(wanted)]
        if self._credit_product is not None:
            found.append(await self._credit(self._credit_product))
        return [*found, *[await self._plan(one) for one in wanted.prices]]

    async def _credit(self, product: str) -> SetupFinding:
        try:
            sold = await self._product(product)
        except ProviderRefused:
            return SetupFinding("credit product", False, f"Creem has no product {product[:80]}")
        if sold.price != self._unit_amount or sold.status != "active":
            detail = (
                f"{product[:80]} costs {sold.price} there and TOPUP_CREEM_CREDIT_UNIT_AMOUNT says"
                f" {self._unit_amount}; its status is {sold.status[:20]}"
            )
            return SetupFinding("credit product", False, detail)
        return SetupFinding("credit product", True, "is sold at the unit's price")

    async def _plan(self, wanted: WantedPrice) -> SetupFinding:
        try:
            sold = await self._product(wanted.ref)
        except ProviderRefused:
            return price_finding(wanted, ["Creem has no such product for this key"])
        return price_finding(wanted, _differences(wanted, sold))

    async def _product(self, product: str) -> CreemProduct:
        return await self._ask(f"/v1/products?{urlencode({'product_id': product})}", CreemProduct)


def _webhook(wanted: WantedSetup) -> SetupFinding:
    if not wanted.notify_url:
        detail = "TOPUP_PUBLIC_URL is not set, so no notification can arrive"
        return SetupFinding("webhook", False, detail)
    detail = (
        f"Creem's API lists none: see in its dashboard that {wanted.notify_url} gets all events"
    )
    return SetupFinding("webhook", None, detail)


def _differences(wanted: WantedPrice, sold: CreemProduct) -> list[str]:
    found: list[str] = [] if sold.status == "active" else [f"its status is {sold.status[:20]}"]
    if sold.billing_type != "recurring":
        found.append("it is not a recurring product")
    elif sold.billing_period != PERIODS[wanted.interval]:
        found.append(f"it is charged {sold.billing_period[:30]}")
    try:
        price = Price(sold.price or 0, check_currency(sold.currency))
    except InvalidInput:
        return [*found, f"its currency is {sold.currency[:8]}"]
    if price != wanted.price:
        theirs = f"{price.decimal()} {price.currency}"
        ours = f"{wanted.price.decimal()} {wanted.price.currency}"
        found.append(f"it costs {theirs} there and {ours} here")
    return found
