"""Read a table's due rows, in the order in which they became due."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from store.database import Transaction
from store.row_mapping import RowMapping

T = TypeVar("T")


class DueRows(Generic[T]):
    """The rows of a table that are due according to `next_check_at`.

    The column `called` identifies the party that is called for a row. exclude_keys lists the parties to skip,
    in the form "environment/party".
    """

    def __init__(
        self, table: str, rows: RowMapping[T], where: str = "", *, called: str = "provider"
    ) -> None:
        more = f"AND {where}" if where else ""
        waiting = f"""FROM {table} WHERE next_check_at IS NOT NULL {more}
            AND NOT id IN :exclude_ids[text]
            AND NOT environment || '/' || {called} IN :exclude_keys[text]"""
        order = "ORDER BY next_check_at LIMIT"
        self._rows = rows
        self._due = f"SELECT {rows.listed} {waiting} AND next_check_at <= :now {order} :limit"
        self._next = f"SELECT next_check_at {waiting} {order} 1"

    async def due(
        self,
        tx: Transaction,
        *,
        now_us: int,
        limit: int,
        exclude_ids: Sequence[str] = (),
        exclude_keys: Sequence[str] = (),
    ) -> list[T]:
        rows = await tx.fetch(
            self._due,
            now=now_us,
            limit=limit,
            exclude_ids=exclude_ids,
            exclude_keys=exclude_keys,
        )
        return [self._rows.read(row) for row in rows]

    async def next_at(
        self,
        tx: Transaction,
        *,
        exclude_ids: Sequence[str] = (),
        exclude_keys: Sequence[str] = (),
    ) -> int | None:
        row = await tx.fetch_one(self._next, exclude_ids=exclude_ids, exclude_keys=exclude_keys)
        return None if row is None else int(row["next_check_at"])
