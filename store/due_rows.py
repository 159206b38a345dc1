"""Read what falls due in a table, the longest due first."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from store.database import Transaction
from store.row_mapping import RowMapping

T = TypeVar("T")


class DueRows(Generic[T]):
    """The rows of a table that are due by `next_check_at`. is_at_provider: they can be excluded by exclude_keys,
    each "environment/provider".
    """

    def __init__(
        self, table: str, rows: RowMapping[T], where: str = "", *, is_at_provider: bool = True
    ) -> None:
        more = f"AND {where}" if where else ""
        place = "AND NOT environment || '/' || provider IN :exclude_keys[text]"
        waiting = f"""FROM {table} WHERE next_check_at IS NOT NULL {more}
            AND NOT id IN :exclude_ids[text] {place if is_at_provider else ""}"""
        order = "ORDER BY next_check_at LIMIT"
        self._rows, self._is_at_provider = rows, is_at_provider
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
        excluded = self._excluded(exclude_ids, exclude_keys)
        rows = await tx.fetch(self._due, now=now_us, limit=limit, **excluded)
        return [self._rows.read(row) for row in rows]

    async def next_at(
        self,
        tx: Transaction,
        *,
        exclude_ids: Sequence[str] = (),
        exclude_keys: Sequence[str] = (),
    ) -> int | None:
        row = await tx.fetch_one(self._next, **self._excluded(exclude_ids, exclude_keys))
        return None if row is None else int(row["next_check_at"])

    def _excluded(self, ids: Sequence[str], keys: Sequence[str]) -> dict[str, Sequence[str]]:
        places = {"exclude_keys": keys} if self._is_at_provider else {}
        return {"exclude_ids": ids, **places}
