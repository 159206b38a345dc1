"""Prices: what tokens of each model cost here, by the operator's price list."""

from collections.abc import Sequence
from typing import Annotated, Self

from msgspec import Meta, Struct

from billing.usage.price_list import MODEL_CHARACTERS_MAX, ModelPrice
from billing.usage.price_rows import read_list
from kernel.clock import rfc3339
from kernel.fields import LINE, ExportPage
from kernel.words import Time
from keys.act import ActContext, ListAct
from store.keyset import Begin

Model = Annotated[str, Meta(min_length=1, max_length=MODEL_CHARACTERS_MAX, pattern=LINE)]
PerMillion = Annotated[
    int, Meta(ge=0, description="For 1,000,000 tokens, in millionths of a US dollar.")
]


class Price(Struct, kw_only=True):
    """What 1,000,000 tokens of a model cost since a version of the list. A model ending in * stands for all
    models that begin so and have no longer entry.
    """

    model: Annotated[
        str,
        Meta(
            description="The model; one that ends in * is of every model that begins so and has no longer entry."
        ),
    ]
    input_micros: PerMillion
    output_micros: PerMillion
    cached_micros: Annotated[PerMillion, Meta(description="Of cached input tokens.")]
    version: Annotated[int, Meta(ge=1, description="Of the list, since which it counts.")]
    changed_at: Time

    @classmethod
    def of_price(cls, price: ModelPrice) -> Self:
        assert price.input_micros is not None, "not withdrawn"
        assert price.output_micros is not None, "not withdrawn"
        assert price.cached_micros is not None, "not withdrawn"
        return cls(
            model=price.model,
            input_micros=price.input_micros,
            output_micros=price.output_micros,
            cached_micros=price.cached_micros,
            version=price.version,
            changed_at=rfc3339(price.changed_at),
        )


class PriceQuery(ExportPage, frozen=True, kw_only=True):
    model: Annotated[
        Model | None, Meta(description="The one price that counts for this model; else all.")
    ] = None


async def list_prices(
    context: ActContext, asked: PriceQuery, _begin: Begin, _limit: int
) -> Sequence[ModelPrice]:
    """Return the present list, or one model's price, refused if it has none."""
    found = await read_list(context.tx, context.environment)
    return found.prices if asked.model is None else [found.price_of(asked.model)]


LIST_PRICES = ListAct(
    name="prices.list",
    summary="What tokens of each model cost",
    description=(
        "For 1,000,000 tokens, by kind. With `model` the price that counts for it: its own, or"
        " that of the longest entry ending in `*` that it begins with; a model without one is"
        " refused, with the most similar name."
    ),
    path="/prices",
    scopes=("usage:read", "usage:write"),
    query=PriceQuery,
    run=list_prices,
    view=Price.of_price,
    result=Price,
    is_catalogue=True,
    named_by="model",
    export=Price.__struct_fields__,
    columns=("model", "input_micros", "cached_micros", "output_micros", "version", "changed_at"),
    examples=(
        "topup prices list --environment live",
        "topup prices list --model gpt-4o-mini --environment live",
    ),
)
ACTS = (LIST_PRICES,)
