"""Count charges that usage_days doesn't hold yet.

Each counts once: sums and mark are written in one transaction, under the account's lock. Until then every
read adds them (`UNCOUNTED`), so nobody sees a day without them.
"""

from collections.abc import Mapping
from typing import Final

from billing.usage.usage_day import Spent, add_days
from kernel.tenant import Tenant
from keys.account import lock_tenants
from store.database import Transaction
from store.row_mapping import RowMapping

STEP_ROWS: Final = 1_000
_SPENT: Final = RowMapping(Spent)
_TOKENS: Final = "input_tokens, output_tokens, cached_tokens"
_NO_TOKENS: Final = ", ".join(f"CAST(NULL AS BIGINT) AS {name}" for name in _TOKENS.split(", "))
# How a row of each table is a Spent. A key's ID has 20 characters.
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
    """Count some of the tenant's charges; return how many, 0 once all are counted."""
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
