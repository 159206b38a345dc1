"""Store an account's usage totals by UTC day, model, and key or app. They are written together with the usage
records.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from billing.engine.batch_state import ReadSet, WorkingSet
from kernel.clock import day_start_us
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Transaction
from store.row_mapping import RowMapping

DayKey = tuple[str, str, int, str, str, str]
_COLUMNS: Final = (
    "account_id",
    "environment",
    "day_start_at",
    "key_id",
    "app_id",
    "model",
    "records",
    "amount_micros",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
)
_SUMS: Final = _COLUMNS[6:]


class Spent(msgspec.Struct, frozen=True, gc=False):
    account_id: str
    environment: str
    created_at: int
    key_id: str | None
    app_id: str | None
    model: str | None
    amount_micros: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None

    @property
    def day_start_at(self) -> int:
        return day_start_us(self.created_at)


class UsageDays(WorkingSet):
    rank = 81

    def __init__(self) -> None:
        self._added: dict[DayKey, list[int]] = {}

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None: ...

    async def update(self, tx: Transaction, now_us: int) -> None: ...

    async def insert(self, tx: Transaction) -> None:
        rows = [(*place, *sums) for place, sums in sorted(self._added.items())]
        await tx.insert_deferred("usage_days", _COLUMNS, rows, on_conflict=_ADD)

    def add(self, spent: Spent) -> int:
        self.changes += 1
        day_start_at = spent.day_start_at
        place = (
            spent.account_id,
            spent.environment,
            day_start_at,
            spent.key_id or "",
            spent.app_id or "",
            spent.model or "",
        )
        sums = self._added.get(place)
        if sums is None:
            sums = self._added[place] = [0, 0, 0, 0, 0]
        sums[0] += 1
        sums[1] += spent.amount_micros
        sums[2] += spent.input_tokens or 0
        sums[3] += spent.output_tokens or 0
        sums[4] += spent.cached_tokens or 0
        return day_start_at


async def add_days(tx: Transaction, spent: Iterable[Spent]) -> None:
    days = UsageDays()
    for one in spent:
        days.add(one)
    await days.insert(tx)


_ADD = f"""ON CONFLICT ({", ".join(_COLUMNS[:6])}) DO UPDATE SET
    {", ".join(f"{name} = usage_days.{name} + excluded.{name}" for name in _SUMS)}"""


STEP_ROWS: Final = 1_000
_SPENT: Final = RowMapping(Spent)
_TOKENS: Final = "input_tokens, output_tokens, cached_tokens"
_NO_TOKENS: Final = ", ".join(f"CAST(NULL AS BIGINT) AS {name}" for name in _TOKENS.split(", "))
# For each table, the SQL that makes a Spent from a row. spent_by begins with the key's ID, 20 characters.
SPENT_OF: Final[Mapping[str, str]] = {
    "usage_records": f"""account_id, environment, created_at, key_id, NULL AS app_id, model,
        amount_micros, {_TOKENS}""",
    "holds": f"""account_id, environment, created_at,
        NULLIF(SUBSTR(COALESCE(spent_by, ''), 1, 20), '') AS key_id, NULL AS app_id, model,
        captured_micros + COALESCE(overage_micros, 0) AS amount_micros, {_TOKENS}""",
    "oauth_charges": f"""account_id, environment, created_at, NULL AS key_id, app_id, NULL AS model,
        amount_micros, {_NO_TOKENS}""",
}
IS_USAGE: Final[Mapping[str, str]] = {
    "usage_records": "1 = 1",
    "holds": "status = 'captured'",
    "oauth_charges": "1 = 1",
}
_OWN: Final = "account_id = :account_id AND environment = :environment"
UNCOUNTED: Final = " UNION ALL ".join(
    f"""SELECT account_id, environment, created_at - created_at % 86400000000 AS day_start_at,
            COALESCE(key_id, '') AS key_id, COALESCE(app_id, '') AS app_id,
            COALESCE(model, '') AS model, 1 AS records, amount_micros,
            COALESCE(input_tokens, 0) AS input_tokens, COALESCE(output_tokens, 0) AS output_tokens,
            COALESCE(cached_tokens, 0) AS cached_tokens
        FROM (SELECT {spent} FROM {table}
              WHERE {_OWN} AND {IS_USAGE[table]} AND counted_day IS NULL) AS {table}_left"""
    for table, spent in SPENT_OF.items()
)
_STEPS: Final = {
    table: f"""SELECT {spent}, id FROM {table}
        WHERE {_OWN} AND {IS_USAGE[table]} AND counted_day IS NULL ORDER BY id LIMIT {STEP_ROWS}"""
    for table, spent in SPENT_OF.items()
}
_MARKED: Final = """SET counted_day = created_at - created_at % 86400000000
    WHERE id IN :ids[text] AND counted_day IS NULL"""
_MARKS: Final[Mapping[str, str]] = {
    "usage_records": f"UPDATE usage_records {_MARKED}",
    "holds": f"UPDATE holds {_MARKED}",
    "oauth_charges": f"UPDATE oauth_charges {_MARKED}",
}
_NEXT: Final = " UNION ALL ".join(
    f"""SELECT * FROM (SELECT account_id, environment FROM {table}
        WHERE {where} AND counted_day IS NULL
          AND (account_id, environment) > (:account_id, :environment)
        ORDER BY account_id, environment LIMIT 1) AS {table}_next"""
    for table, where in IS_USAGE.items()
)


async def next_tenant(tx: Transaction, after: Tenant) -> Tenant | None:
    rows = await tx.fetch(_NEXT, account_id=after.account_id, environment=after.environment)
    return min((Tenant(row[0], row[1]) for row in rows), default=None)


async def count_step(tx: Transaction, tenant: Tenant) -> int:
    await lock_tenants(tx, [tenant])
    counted = 0
    for table, text in _STEPS.items():
        rows = await tx.fetch(text, account_id=tenant.account_id, environment=tenant.environment)
        if rows:
            await add_days(tx, map(_SPENT.read, rows))
            marked = await tx.execute(_MARKS[table], ids=[row["id"] for row in rows])
            assert marked == len(rows), "nobody else counts under the account's lock"
        counted += len(rows)
    return counted
