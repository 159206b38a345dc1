"""`topup prices`: what tokens of each model cost, and each change of it."""

from typing import Any, TextIO

import click

from billing.usage import price_commands
from billing.usage.price_acts import ACTS
from billing.usage.price_commands import NewPrice, PriceChange
from billing.usage.price_file import dollars_micros, read_prices
from billing.usage.price_list import ModelPrice
from billing.usage.price_rows import history
from cli.acts.command import group_of
from cli.examples import examples
from cli.operator.supply import in_one
from cli.options import environment_option, limit_option
from cli.output import json_option, show_record, show_rows
from kernel.clock import rfc3339
from kernel.errors import InvalidInput
from keys.audit_log import Actor
from keys.principal import Environment
from runtime.context import Context
from store.database import Transaction

_COLUMNS = ("model", "input", "cached", "output", "version", "changed_at", "changed_by")
_FILE_BYTES_MAX = 2 * 1024 * 1024


@click.command(
    "set",
    epilog=examples(
        "topup prices set gpt-4o --input 2.50 --output 10 --cached 1.25 --environment live",
        "topup prices set 'gpt-4o*' --input 5 --output 15",
    ),
)
@click.argument("model")
@click.option("--input", "input_", required=True, help="Dollars for 1,000,000 input tokens.")
@click.option("--output", required=True, help="Dollars for 1,000,000 output tokens.")
@click.option("--cached", help="Dollars for 1,000,000 cached input tokens; else as input.")
@environment_option
@json_option
def set_(
    model: str, input_: str, output: str, cached: str | None, environment: Environment
) -> None:
    """Set a model's price from now on. One that ends in * is of every model that begins so."""
    new = NewPrice(
        model=model,
        input_micros=dollars_micros(input_, "--input"),
        output_micros=dollars_micros(output, "--output"),
        cached_micros=None if cached is None else dollars_micros(cached, "--cached"),
    )
    _set(environment, [new])


@click.command(
    "import",
    epilog=examples(
        "topup prices import prices.csv --environment live",
        "topup prices import - --whole",
    ),
)
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@click.option("--whole", is_flag=True, help="Withdraw the models that the file lacks.")
@environment_option
@json_option
def import_(file: TextIO, environment: Environment, *, whole: bool) -> None:
    """Set all prices of a file as one version, or none: CSV with the columns model, input, output and
    perhaps cached, in dollars; or a JSON list with model, input_micros, output_micros and perhaps
    cached_micros.
    """
    text = file.read(_FILE_BYTES_MAX + 1)
    if len(text) > _FILE_BYTES_MAX:
        raise InvalidInput("the file is longer than 2 MiB", param="file")
    _set(environment, read_prices(text), is_whole=whole)


@click.command("withdraw", epilog=examples("topup prices withdraw gpt-4 --environment live"))
@click.argument("model")
@environment_option
@json_option
def withdraw(model: str, environment: Environment) -> None:
    """Take a model's own price off the list: from now on it is refused, unless an entry ending in *
    fits it.
    """

    async def act(_context: Context, tx: Transaction, now_us: int) -> dict[str, Any]:
        change = await price_commands.withdraw_price(
            tx, environment, model, by=Actor(), now_us=now_us
        )
        return _told(change)

    show_record(in_one(act))


@click.command(
    "history",
    epilog=examples(
        "topup prices history --environment live", "topup prices history --model gpt-4o"
    ),
)
@click.option("--model", help="Of this model only.")
@environment_option
@limit_option
@click.option(
    "--cursor", help="Where the page before ended: its last version and model, as 3:gpt-4o."
)
@json_option
def history_(model: str | None, environment: Environment, limit: int, cursor: str | None) -> None:
    """List every change, the newest first; a withdrawn price is blank."""
    after = None if cursor is None else _place_of(cursor)

    async def act(_context: Context, tx: Transaction, _now_us: int) -> list[dict[str, Any]]:
        found = await history(tx, environment, model=model, after=after, limit=limit)
        return [_shape(one) for one in found]

    rows = in_one(act)
    last = rows[-1] if len(rows) == limit else None
    following = None if last is None else f"{last['version']}:{last['model']}"
    show_rows(rows, *_COLUMNS, next_cursor=following)


def _set(environment: str, new: Any, *, is_whole: bool = False) -> None:
    async def act(_context: Context, tx: Transaction, now_us: int) -> dict[str, Any]:
        change = await price_commands.set_prices(
            tx, environment, new, is_whole=is_whole, by=Actor(), now_us=now_us
        )
        return _told(change)

    show_record(in_one(act))


def _told(change: PriceChange) -> dict[str, Any]:
    withdrawn = sum(one.is_withdrawn for one in change.changed)
    return {
        "version": change.version,
        "changed": len(change.changed) - withdrawn,
        "withdrawn": withdrawn,
    }


def _place_of(cursor: str) -> tuple[int, str]:
    version, _, model = cursor.partition(":")
    if not (version.isascii() and version.isdigit() and len(version) <= 18):
        raise InvalidInput("not a cursor of this list", param="--cursor")
    return int(version), model


def _shape(price: ModelPrice) -> dict[str, Any]:
    """In dollars for people, in micros for programs."""
    return {
        "model": price.model,
        "input": _dollars(price.input_micros),
        "cached": _dollars(price.cached_micros),
        "output": _dollars(price.output_micros),
        "input_micros": price.input_micros,
        "cached_micros": price.cached_micros,
        "output_micros": price.output_micros,
        "version": price.version,
        "changed_at": rfc3339(price.changed_at),
        "changed_by": price.changed_by,
    }


def _dollars(micros: int | None) -> str | None:
    if micros is None:
        return None
    whole, part = divmod(micros, 1_000_000)
    return f"{whole}.{f'{part:06d}'.rstrip('0').ljust(2, '0')}"


prices = group_of(
    "prices",
    "What 1,000,000 tokens of each model cost; staging and live have their own lists. Each change"
    " is a new version: what was charged before keeps its price.",
    ACTS,
    set_,
    import_,
    withdraw,
    history_,
)
