"""Prices: what tokens of each model cost here, by the operator's price list."""

from typing import Annotated, Final

from msgspec import Meta

from billing.usage.price_rows import read_list
from gateway.answers import response_codes as codes
from gateway.answers.envelope import answer
from gateway.answers.outcome import Listing, exported
from gateway.api.bodies.usage_body import Model
from gateway.api.schemas.usage_lists import Price
from gateway.http.lists import Export, short_csv, short_list
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.fields import ExportPage, Fields

_READS: Final = ("usage:read", "usage:write")
_EXPORT: Final = Export("prices", _READS, Price.__struct_fields__)


class PriceQuery(ExportPage, frozen=True, kw_only=True):
    """Which prices."""

    model: Annotated[
        Model | None, Meta(description="The one price that counts for this model; else all.")
    ] = None


async def list_prices(call: RequestContext[Fields, PriceQuery]) -> Reply:
    """The list as it is now, by model; or the price of one, refused where it has none."""
    environment, model = call.principal.environment, call.query.model
    found = await call.context.database.read(lambda tx: read_list(tx, environment))
    prices = found.prices if model is None else [found.price_of(model)]
    shown = [Price.of_price(one) for one in prices]
    if call.query.format != "json":
        return await short_csv(call, _EXPORT, call.query.format, shown)
    data = short_list(shown, call.query, lambda one: one.model)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


ROUTES = (
    Route(
        "GET",
        "/prices",
        list_prices,
        "What tokens of each model cost",
        scopes=_READS,
        query=PriceQuery,
        description=(
            "For 1,000,000 tokens, by kind. With `model` the price that counts for it: its own, or"
            " that of the longest entry ending in `*` that it begins with; a model without one is"
            " refused, with the most similar name."
        ),
        answers=exported(Listing[Price]),
    ),
)
