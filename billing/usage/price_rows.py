"""Price lists as rows: each change is a new version, so a record of usage always names its price."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from billing.engine.batch_state import ReadSet, Rules, WorkingSet
from billing.usage.price_list import ModelPrice, PriceList
from kernel.limits import INT64_MAX
from store.database import BatchRead, Rows, Transaction
from store.row_mapping import RowMapping

_NONE: Final = PriceList()


class PriceBook:
    def __init__(self) -> None:
        self._lists: dict[str, PriceList] = {}

    def of(self, environment: str) -> PriceList:
        return self._lists.get(environment, _NONE)

    def keep(self, environment: str, found: PriceList) -> None:
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
        self._book.keep(environment, found)


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
