"""Set prices, one or a whole file, and withdraw one.

Each act is one version of the list with its audit entry, in one transaction. An act that changes nothing
makes no version.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from billing.usage.price_list import (
    MODEL_CHARACTERS_MAX,
    PRICE_MICROS_MAX,
    WILDCARD,
    ModelPrice,
    PriceList,
)
from billing.usage.price_rows import add_version, lock_list
from kernel.errors import InvalidInput, NotFound
from keys import audit_log
from keys.audit_log import Actor
from store.database import Transaction

PRICES_MAX: Final = 2_000  # of one environment, those withdrawn not counted
# Prices in an act's audit entry; the list's history has all.
_LOGGED_MAX: Final = 20


class NewPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In micros for 1,000,000 tokens; cached_micros defaults to the input price."""

    model: str
    input_micros: int
    output_micros: int
    cached_micros: int | None = None

    @property
    def figures(self) -> tuple[int, int, int]:
        cached = self.input_micros if self.cached_micros is None else self.cached_micros
        return self.input_micros, self.output_micros, cached


class PriceChange(msgspec.Struct, frozen=True):
    version: int
    changed: Sequence[ModelPrice]


async def set_prices(
    tx: Transaction,
    environment: str,
    new: Sequence[NewPrice],
    *,
    is_whole: bool = False,
    by: Actor,
    now_us: int,
) -> PriceChange:
    """Set these prices; is_whole: withdraw those that are missing. Raises InvalidInput."""
    _check(new)
    current = await lock_list(tx, environment)
    known = {one.model: one for one in current.prices}
    given = {one.model for one in new}
    kept = set() if is_whole else known.keys() - given
    if len(kept) + len(given) > PRICES_MAX:
        raise InvalidInput(f"A price list has at most {PRICES_MAX} prices.", param="model")
    version = current.version + 1
    rows = [
        ModelPrice(environment, one.model, version, *one.figures, by.name, now_us)
        for one in new
        if one.model not in known or _figures(known[one.model]) != one.figures
    ]
    if is_whole:
        gone = sorted(known.keys() - given)
        rows += [_withdrawn(environment, model, version, by, now_us) for model in gone]
    return await _change(tx, current, environment, rows, "price.set", by, now_us)


async def withdraw_price(
    tx: Transaction, environment: str, model: str, *, by: Actor, now_us: int
) -> PriceChange:
    current = await lock_list(tx, environment)
    if model not in {one.model for one in current.prices}:
        raise NotFound("Price", param="model")
    row = _withdrawn(environment, model, current.version + 1, by, now_us)
    return await _change(tx, current, environment, [row], "price.withdraw", by, now_us)


async def _change(
    tx: Transaction,
    current: PriceList,
    environment: str,
    rows: Sequence[ModelPrice],
    action: str,
    by: Actor,
    now_us: int,
) -> PriceChange:
    if not rows:
        return PriceChange(current.version, ())
    await add_version(tx, current, environment, rows)
    known = {one.model: one for one in current.prices}
    entry = audit_log.entry(
        by,
        action,
        environment=environment,
        subject_id=rows[0].model if len(rows) == 1 else environment,
        before=_logged([known[one.model] for one in rows if one.model in known]),
        after={"version": current.version + 1, "changes": len(rows), **_logged(rows)},
        now_us=now_us,
    )
    await audit_log.record(tx, [entry])
    return PriceChange(current.version + 1, rows)


def _logged(prices: Sequence[ModelPrice]) -> Mapping[str, object]:
    return {
        "prices": {
            one.model: None if one.is_withdrawn else _figures(one) for one in prices[:_LOGGED_MAX]
        }
    }


def _withdrawn(environment: str, model: str, version: int, by: Actor, now_us: int) -> ModelPrice:
    return ModelPrice(environment, model, version, None, None, None, by.name, now_us)


def _figures(price: ModelPrice) -> tuple[int | None, int | None, int | None]:
    return price.input_micros, price.output_micros, price.cached_micros


def _check(new: Sequence[NewPrice]) -> None:
    if not new:
        raise InvalidInput("The list has no price.", param="model")
    if len({one.model for one in new}) != len(new):
        raise InvalidInput("The list names a model twice.", param="model")
    for one in new:
        _check_model(one.model)
        names = ("input_micros", "output_micros", "cached_micros")
        for name, micros in zip(names, one.figures, strict=True):
            if not 0 <= micros <= PRICE_MICROS_MAX:
                raise InvalidInput(
                    f"{one.model}: a price must be from 0 to {PRICE_MICROS_MAX} micros for "
                    "1,000,000 tokens.",
                    param=name,
                )


def _check_model(model: str) -> None:
    is_sane = model.isprintable() and model == model.strip()
    if not is_sane or not 1 <= len(model) <= MODEL_CHARACTERS_MAX:
        raise InvalidInput(
            f"A model's name has 1 to {MODEL_CHARACTERS_MAX} printable characters and no "
            "spaces around them.",
            param="model",
        )
    if WILDCARD in model[:-1]:
        raise InvalidInput("A model's name can have * only at its end.", param="model")
