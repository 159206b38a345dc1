"""Prices: what each model's tokens cost in the operator's price list."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Self

from msgspec import Meta, Struct

from billing.usage import price_rows
from billing.usage.price_list import MODEL_CHARACTERS_MAX, ModelPrice
from billing.usage.price_rows import (
    NewPrice,
    PriceChange,
    dollars_micros,
    history,
    read_list,
    read_prices,
)
from kernel.errors import InvalidInput
from kernel.fields import LINE, ExportPage, Fields, document_of, said
from kernel.shaped import Shaped
from kernel.words import Time
from keys.act import OPERATOR, Act, ActContext, Change, ListAct
from store.keyset import Begin, ListStretch, cut

Model = Annotated[str, Meta(min_length=1, max_length=MODEL_CHARACTERS_MAX, pattern=LINE)]
Dollars = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=16,
        description="The price of 1,000,000 tokens in US dollars, such as 2.50.",
    ),
]
PerMillion = Annotated[int, Meta(ge=0, description="Micros for 1,000,000 tokens.")]


class Price(Shaped, kw_only=True):
    """The price of 1,000,000 tokens of a model. A name that ends in * covers all names that begin with the text
    before it. Longer entries take precedence.
    """

    model: Annotated[
        str,
        Meta(
            description="The model. A name that ends in * covers all names that begin with the text before it,"
            " unless a longer entry matches."
        ),
    ]
    input_micros: Annotated[PerMillion, said("Input")]
    output_micros: Annotated[PerMillion, said("Output")]
    cached_micros: Annotated[
        PerMillion,
        Meta(
            description="The price of 1,000,000 cached input tokens, in millionths of a US dollar."
        ),
        said("Cached input"),
    ]
    version: Annotated[int, Meta(ge=1, description="The list's version that set this price.")]
    changed_at: Annotated[Time, said("Changed")]


class PriceQuery(ExportPage, frozen=True, kw_only=True):
    model: Annotated[
        Model | None,
        Meta(
            description="Return only the price that applies to this model. If omitted, all prices."
        ),
    ] = None


async def list_prices(
    context: ActContext, asked: PriceQuery, _begin: Begin, _limit: int
) -> Sequence[ModelPrice]:
    found = await read_list(context.tx, context.environment)
    return found.prices if asked.model is None else [found.price_of(asked.model)]


LIST_PRICES = ListAct(
    name="prices.list",
    summary="List what each model's tokens cost",
    description="Prices are for 1,000,000 tokens of each kind. With `model`, the response has only the price that"
    " applies: the model's own, or that of the longest matching entry that ends in `*`. A model"
    " without a price is refused, with the most similar name.",
    path="/prices",
    scopes=("usage:read", "usage:write"),
    query=PriceQuery,
    run=list_prices,
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


class NewModelPrice(Fields, frozen=True, kw_only=True):
    """A price to set."""

    model: Annotated[
        Model,
        Meta(
            description="The model. A name that ends in * covers all models that start with the text before it."
        ),
    ]
    input: Dollars
    output: Dollars
    cached: Annotated[Dollars | None, said("Cached input", hint="Blank: the same as input.")] = None


class PriceFile(Fields, frozen=True, kw_only=True):
    """A price list as a CSV or JSON file."""

    file: Annotated[
        str,
        document_of("text/csv"),
        Meta(
            description="A CSV with the columns model, input, output and optionally cached, in dollars; or a JSON list of"
            " objects with model, input_micros, output_micros and optionally cached_micros."
        ),
    ]
    whole: Annotated[bool, Meta(description="Withdraw models that the file omits.")] = False


class WithdrawnModel(Fields, frozen=True, kw_only=True):
    """The model whose price is to be withdrawn."""

    model: Annotated[Model, Meta(description="The model's name in the list.")]


class PriceVersion(Struct, kw_only=True):
    """The new version of the price list, and how many prices changed."""

    version: Annotated[int, Meta(ge=0, description="The current version of the list.")]
    changed: Annotated[int, Meta(ge=0, description="How many prices were set.")]
    withdrawn: Annotated[int, Meta(ge=0, description="How many prices were withdrawn.")]

    @classmethod
    def of(cls, change: PriceChange) -> Self:
        withdrawn = sum(one.is_withdrawn for one in change.changed)
        changed = len(change.changed) - withdrawn
        return cls(version=change.version, changed=changed, withdrawn=withdrawn)


class PastPrice(Shaped, kw_only=True):
    """A change to a price. The amounts are null if the price was withdrawn."""

    version: Annotated[int, Meta(ge=1, description="The list's version that set this price.")]
    model: str
    input_micros: Annotated[PerMillion | None, said("Input")]
    cached_micros: Annotated[PerMillion | None, said("Cached input")]
    output_micros: Annotated[PerMillion | None, said("Output")]
    changed_at: Annotated[Time, said("Changed")]
    changed_by: Annotated[str, Meta(description="A credential's ID, or cli."), said("By")]


class HistoryQuery(ExportPage, frozen=True, kw_only=True):
    model: Annotated[Model | None, Meta(description="Return only changes of this model.")] = None


async def set_price(context: ActContext, asked: NewModelPrice) -> Change[PriceChange]:
    cached = None if asked.cached is None else dollars_micros(asked.cached, "cached")
    new = NewPrice(
        model=asked.model,
        input_micros=dollars_micros(asked.input, "input"),
        output_micros=dollars_micros(asked.output, "output"),
        cached_micros=cached,
    )
    return await _set(context, [new])


async def import_prices(context: ActContext, asked: PriceFile) -> Change[PriceChange]:
    return await _set(context, read_prices(asked.file), is_whole=asked.whole)


async def withdraw_price(context: ActContext, asked: WithdrawnModel) -> Change[PriceChange]:
    change = await price_rows.withdraw_price(
        context.tx, context.environment, asked.model, by=context.by, now_us=context.now_us
    )
    return Change(after=change)


async def list_history(
    context: ActContext, asked: HistoryQuery, begin: Begin, limit: int
) -> ListStretch[ModelPrice]:
    found = await history(
        context.tx,
        context.environment,
        model=asked.model,
        after=None if begin is None else _place_of(str(begin)),
        limit=limit + 1,
    )
    return cut(found, limit, lambda one: f"{one.version}:{one.model}")


def _place_of(cursor: str) -> tuple[int, str]:
    version, _, model = cursor.partition(":")
    if not (version.isascii() and version.isdigit() and len(version) <= 18):
        raise InvalidInput(
            "This cursor doesn't belong to this list. Use `next_cursor` from the previous page.",
            param="cursor",
        )
    return int(version), model


async def _set(
    context: ActContext, new: Sequence[NewPrice], *, is_whole: bool = False
) -> Change[PriceChange]:
    change = await price_rows.set_prices(
        context.tx,
        context.environment,
        new,
        is_whole=is_whole,
        by=context.by,
        now_us=context.now_us,
    )
    return Change(after=change)


_CHANGES: Final[dict[str, Any]] = {
    "audience": (OPERATOR,),
    "result": PriceVersion,
    "is_catalogue": True,
    "moves_money": True,
    "audit": None,
}
SET_PRICE = Act(
    name="prices.set",
    summary="Set a price",
    description="The price applies from now on, as a new version of the list. Earlier charges keep their price."
    " Setting the same price again makes no version.",
    path="/prices",
    input=NewModelPrice,
    run=set_price,
    **_CHANGES,
    done="The price is set. It applies to usage from now on.",
    examples=(
        "topup prices set --model gpt-4o --input 2.50 --output 10 --cached 1.25 --environment live",
        "topup prices set --model 'gpt-4o*' --input 5 --output 15",
    ),
)
IMPORT_PRICES = Act(
    name="prices.import",
    summary="Set the prices of a file",
    description="Either all lines are applied, as one version, or none. A line that changes nothing is skipped.",
    path="/prices/import",
    input=PriceFile,
    run=import_prices,
    **_CHANGES,
    done="The prices are set. They apply to usage from now on.",
    examples=(
        "topup prices import --file prices.csv --environment live",
        "topup prices import --file - --whole",
    ),
)
WITHDRAW_PRICE = Act(
    name="prices.withdraw",
    summary="Withdraw a model's price",
    description="Usage of the model is refused from now on, unless an entry that ends in * covers it.",
    path="/prices/withdraw",
    input=WithdrawnModel,
    run=withdraw_price,
    **_CHANGES,
    named_by="model",
    asks=(
        "Withdraw the price of {model}? Its usage is refused from then on, unless an entry ending in"
        " * fits it."
    ),
    done="The price is withdrawn.",
    examples=("topup prices withdraw --model gpt-4 --environment live",),
)
LIST_HISTORY = ListAct(
    name="prices.history",
    summary="List every change of prices, newest first",
    path="/prices/history",
    audience=(OPERATOR,),
    query=HistoryQuery,
    run=list_history,
    result=PastPrice,
    is_catalogue=True,
    own_cursors=True,
    export=PastPrice.__struct_fields__,
    columns=(
        *("version", "model", "input_micros", "cached_micros", "output_micros"),
        *("changed_at", "changed_by"),
    ),
    examples=(
        "topup prices history --environment live",
        "topup prices history --model gpt-4o",
    ),
)
ACTS = (LIST_PRICES, SET_PRICE, IMPORT_PRICES, WITHDRAW_PRICE, LIST_HISTORY)
