"""Update only the given columns, by their names.

Table and column names are ours, never a caller's; values are parameters.
"""

from collections.abc import Mapping
from typing import Any

from store.database import Transaction


async def update(
    tx: Transaction, table: str, key: Mapping[str, Any], columns: Mapping[str, Any]
) -> int:
    """Return how many rows had this key.

    A column of the key may be among those that change: its old value finds the row.
    """
    assigned = ", ".join(f"{name} = :new_{name}" for name in columns)
    found = " AND ".join(f"{name} = :old_{name}" for name in key)
    return await tx.execute(
        f"UPDATE {table} SET {assigned} WHERE {found}",
        **{f"new_{name}": value for name, value in columns.items()},
        **{f"old_{name}": value for name, value in key.items()},
    )
