"""Store price lists and their changes. Every change makes a new version, so that each usage record can name its price."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from billing.engine.batch_state import ReadSet, Rules, WorkingSet
from billing.usage.price_list import (
    MODEL_CHARACTERS_MAX,
    PRICE_MICROS_MAX,
    WILDCARD,
    ModelPrice,
    PriceList,
)
from kernel.errors import InvalidInput, NotFound
from kernel.limits import INT64_MAX
from keys import audit_log
from keys.audit_log import Actor
from store.database import BatchRead, Rows, Transaction
from store.row_mapping import RowMapping

_NONE: Final = PriceList()


class PriceBook:
    def __init__(self) -> None:
        self._lists: dict[str, PriceList] = {}

    def of(self, environment: str) -> PriceList:
        return self._lists.get(environment, _NONE)

    def save(self, environment: str, found: PriceList) -> None:
        self._lists[environment] = found


class PriceWorkingSet(WorkingSet):
    rank = 79

    def __init__(self, book: PriceBook) -> None:
        self.environments: set[str] = set()
        self._book = book
        self._versions: dict[str, int] = {}
        self._lists: dict[str, PriceList] = {}

    @classmethod
    def under(cls, rules: Rules) -> "PriceWorkingSet":
        return cls(rules.of(PriceBook))

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None: ...

    def readings(self) -> Sequence[BatchRead]:
        wanted = sorted(self.environments)
        return [BatchRead(_VERSIONS if wanted else "", self._take_versions, environments=wanted)]

    def further_readings(self) -> Sequence[BatchRead]:
        changed = []
        for environment in sorted(self.environments):
            version, kept = self._versions.get(environment, 0), self._book.of(environment)
            if kept.version == version:
                self._lists[environment] = kept
            else:
                take = partial(self._take_list, environment, version)
                changed.append(BatchRead(_CURRENT, take, environment=environment))
        return changed

    async def update(self, tx: Transaction, now_us: int) -> None: ...

    def of(self, environment: str) -> PriceList:
        return self._lists[environment]

    def _take_versions(self, rows: Rows) -> None:
        self._versions = {row[0]: row[1] for row in rows}

    def _take_list(self, environment: str, version: int, rows: Rows) -> None:
        found = self._lists[environment] = PriceList(version, map(_ROWS.read, rows))
        self._book.save(environment, found)


async def read_list(tx: Transaction, environment: str) -> PriceList:
    version = await _version(tx, environment)
    rows = await tx.fetch(_CURRENT, environment=environment)
    return PriceList(version, map(_ROWS.read, rows))


async def history(
    tx: Transaction,
    environment: str,
    *,
    model: str | None = None,
    after: tuple[int, str] | None = None,
    limit: int,
) -> list[ModelPrice]:
    version, last = (INT64_MAX, "") if after is None else after
    rows = await tx.fetch(
        _HISTORY if model is None else _HISTORY_OF_MODEL,
        environment=environment,
        model=model,
        version=version,
        last=last,
        page_rows=limit,
    )
    return [_ROWS.read(row) for row in rows]


async def lock_list(tx: Transaction, environment: str) -> PriceList:
    await tx.insert(
        "price_lists",
        ("environment", "version"),
        [(environment, 0)],
        on_conflict="ON CONFLICT (environment) DO UPDATE SET version = price_lists.version",
    )
    return await read_list(tx, environment)


async def add_version(
    tx: Transaction, current: PriceList, environment: str, rows: Sequence[ModelPrice]
) -> None:
    assert {one.version for one in rows} == {current.version + 1}, "one change is one version"
    await tx.execute(
        "UPDATE price_lists SET version = version + 1 WHERE environment = :environment",
        environment=environment,
    )
    await tx.insert("usage_prices", _ROWS.columns, [_ROWS.write(one) for one in rows])


async def _version(tx: Transaction, environment: str) -> int:
    rows = await tx.fetch(_VERSIONS, environments=[environment])
    return int(rows[0]["version"]) if rows else 0


_ROWS = RowMapping(ModelPrice)
_VERSIONS = "SELECT environment, version FROM price_lists WHERE environment IN :environments[text]"
_CURRENT = f"""
    SELECT {_ROWS.of("p")} FROM usage_prices p
    WHERE p.environment = :environment AND p.input_micros IS NOT NULL
      AND p.version = (SELECT MAX(n.version) FROM usage_prices n
                       WHERE n.environment = p.environment AND n.model = p.model)"""
_CHANGES = f"""
    SELECT {_ROWS.listed} FROM usage_prices WHERE environment = :environment
      AND (version < :version OR version = :version AND model > :last)"""
_ORDERED = "ORDER BY version DESC, model LIMIT :page_rows"
_HISTORY = f"{_CHANGES} {_ORDERED}"
_HISTORY_OF_MODEL = f"{_CHANGES} AND model = :model {_ORDERED}"


PRICES_MAX: Final = 2_000
# An audit entry lists at most this many prices. The list's history has all of them.
_LOGGED_MAX: Final = 20


class NewPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    _check(new)
    current = await lock_list(tx, environment)
    known = {one.model: one for one in current.prices}
    given = {one.model for one in new}
    kept = set() if is_whole else known.keys() - given
    if len(kept) + len(given) > PRICES_MAX:
        raise InvalidInput(f"A price list can have at most {PRICES_MAX} prices.", param="model")
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
        raise InvalidInput("The list contains no prices.", param="model")
    if len({one.model for one in new}) != len(new):
        raise InvalidInput("The list names a model twice.", param="model")
    for one in new:
        _check_model(one.model)
        names = ("input_micros", "output_micros", "cached_micros")
        for name, micros in zip(names, one.figures, strict=True):
            if not 0 <= micros <= PRICE_MICROS_MAX:
                raise InvalidInput(
                    f"{one.model}: a price must be from 0 to {PRICE_MICROS_MAX} micros per 1,000,000 tokens.",
                    param=name,
                )


def _check_model(model: str) -> None:
    is_sane = model.isprintable() and model == model.strip()
    if not is_sane or not 1 <= len(model) <= MODEL_CHARACTERS_MAX:
        raise InvalidInput(
            f"A model's name must have 1 to {MODEL_CHARACTERS_MAX} printable characters, and no spaces around them.",
            param="model",
        )
    if WILDCARD in model[:-1]:
        raise InvalidInput("A model's name can have * only at its end.", param="model")


MICROS_PER_DOLLAR: Final = 1_000_000
COLUMNS: Final = ("model", "input", "output", "cached")
_DOLLARS: Final = re.compile(r"([0-9]{1,7})(?:\.([0-9]{1,6}))?")
# The CSV reader puts cells beyond the last column under this key.
_MORE: Final = "\n"
_read_json: Final = msgspec.json.Decoder(list[NewPrice]).decode


def read_prices(text: str) -> Sequence[NewPrice]:
    text = text.removeprefix("\ufeff")
    found = _of_json(text) if text.lstrip()[:1] in {"[", "{"} else _of_csv(text)
    if len(found) > PRICES_MAX:
        raise InvalidInput(f"A price list can have at most {PRICES_MAX} prices.", param="file")
    return found


def dollars_micros(text: str, param: str) -> int:
    match = _DOLLARS.fullmatch(text.strip().removeprefix("$"))
    if match is None:
        raise InvalidInput("Give an amount in dollars, such as 2.50.", param=param)
    return int(match[1]) * MICROS_PER_DOLLAR + int((match[2] or "").ljust(6, "0"))


def _of_json(text: str) -> Sequence[NewPrice]:
    try:
        return _read_json(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"The JSON can't be read: {error}.", param="file") from None


def _of_csv(text: str) -> Sequence[NewPrice]:
    rows = csv.DictReader(io.StringIO(text, newline=""), restkey=_MORE, strict=True)
    line = 1
    found: list[NewPrice] = []
    try:
        _check_columns(rows.fieldnames or ())
        line = rows.line_num + 1
        for row in rows:
            found.append(_of_row(row, line))
            line = rows.line_num + 1
    except csv.Error as error:
        raise InvalidInput(f"Line {line} can't be read: {error}.", param="file") from None
    return found


def _check_columns(names: Sequence[str]) -> None:
    missing = {"model", "input", "output"} - set(names)
    if missing:
        raise InvalidInput(
            f"The first line must also contain {', '.join(sorted(missing))}.", param="file"
        )
    if unknown := set(names) - set(COLUMNS):
        raise InvalidInput(
            f"The first line names unknown columns: {', '.join(sorted(unknown))}.", param="file"
        )
    if len(set(names)) < len(names):
        raise InvalidInput("The first line contains a column twice.", param="file")


def _of_row(row: dict[str, Any], line: int) -> NewPrice:
    if row.get(_MORE):
        raise InvalidInput(f"Line {line} has more values than columns.", param="file")
    try:
        cached = (row.get("cached") or "").strip()
        return NewPrice(
            model=(row["model"] or "").strip(),
            input_micros=dollars_micros(row["input"] or "", "input"),
            output_micros=dollars_micros(row["output"] or "", "output"),
            cached_micros=dollars_micros(cached, "cached") if cached else None,
        )
    except InvalidInput as error:
        raise InvalidInput(f"Line {line}, {error.param}: {error.detail}", param="file") from None
