"""Every kind of row, deleted or given to another account by hand, for the proof to find."""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import sqlalchemy as sa

from kernel.tenant import Tenant
from keys.principal import ENVIRONMENTS
from store.database import Transaction
from store.schema import metadata

Act = Literal["deleted", "moved"]
# What tells kinds of rows apart: one of each is changed.
_TELLING: Final = ("status", "state", "outcome", "kind", "code", "provider", "expires")
KINDS_MAX: Final = 12


class RowChange(NamedTuple):
    """A row that is deleted, or moved to the account `to`."""

    act: Act
    table: str
    key: dict[str, Any]
    kind: tuple[object, ...]
    tenants: Sequence[Tenant]
    to: str = ""

    @property
    def column(self) -> str:
        """Return what a list of exceptions calls it."""
        return f"{self.table} {self.act}"

    def __str__(self) -> str:
        return f"{self.table} {self.key} of {self.kind} is {self.act}"


async def row_changes(tx: Transaction) -> list[RowChange]:
    """Return a deletion of each kind of row, and a move of each that is of an account."""
    accounts = [
        str(row["id"])
        for row in await tx.fetch("SELECT id FROM accounts WHERE is_operator = 0 ORDER BY id")
    ]
    found: list[RowChange] = []
    for table in metadata.sorted_tables:
        found += await _of_table(tx, table, accounts)
    return found


async def apply_row(tx: Transaction, change: RowChange) -> None:
    """Write the change, as a hand at the database would."""
    where = " AND ".join(f"{name} = :{name}" for name in change.key)
    if change.act == "deleted":
        await tx.execute(f"DELETE FROM {change.table} WHERE {where}", **change.key)
        return
    await tx.execute(
        f"UPDATE {change.table} SET account_id = :to_account WHERE {where}",
        to_account=change.to,
        **change.key,
    )


async def _of_table(
    tx: Transaction, table: sa.Table, accounts: Sequence[str]
) -> Sequence[RowChange]:
    keys = [one.name for one in table.primary_key]
    telling = [name for name in _TELLING if name in table.columns]
    whose = [name for name in ("account_id", "environment") if name in table.columns]
    picked = ", ".join(dict.fromkeys([*keys, *telling, *whose]))
    rows = await tx.fetch(f"SELECT {picked} FROM {table.name} ORDER BY {' DESC, '.join(keys)} DESC")
    found: list[RowChange] = []
    seen: set[tuple[object, ...]] = set()
    for row in rows:
        kind = tuple(row[name] for name in telling)
        if kind in seen or len(seen) == KINDS_MAX:
            continue
        seen.add(kind)
        account = (row["account_id"] or "") if "account_id" in whose else ""
        if table.name == "batch_items":
            account = await _account_of(tx, str(row["batch_id"]))
        environment = row["environment"] if "environment" in whose else ""
        environments = [environment] if environment in ENVIRONMENTS else sorted(ENVIRONMENTS)
        key = {name: row[name] for name in keys}
        own = [Tenant(account, one) for one in environments]
        found.append(RowChange("deleted", table.name, key, kind, own))
        if "account_id" in whose and account and "account_id" not in keys:
            other = next(one for one in accounts if one != account)
            both = [*own, *(Tenant(other, one) for one in environments)]
            found.append(RowChange("moved", table.name, key, kind, both, other))
    return found


async def _account_of(tx: Transaction, batch_id: str) -> str:
    row = await tx.fetch_one("SELECT account_id FROM batches WHERE id = :id", id=batch_id)
    assert row is not None, "an item is of a batch"
    return str(row["account_id"])
