"""Read lists in pages, newest first. Each page begins after the last ID of the page before.

    _PAGES = Keyset(_ROWS.listed, "approvals", OWN, filters={"status": "status = :status"})
    rows = await _PAGES.page(tx, tenant, before_id=before_id, limit=limit, status=status)

If an index ends in the key, every page of a list costs the same. With `days_of`, a range of days is found by
IDs, because an ID begins with its time.

In any other order, a page begins at a ListPlace. Such a list is oldest first, or sorts the newest SORTED_ROWS_MAX
rows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar

from kernel.clock import DAY_US, HOUR_US
from kernel.ids import least_id
from kernel.tenant import Tenant
from store.database import Row, Transaction

T = TypeVar("T")

# This text is greater than every ID. With it, the statement for the first page is the same as for the others.
NEWEST: Final = "~"
OLDEST_FIRST: Final = "created"
SORTED_ROWS_MAX: Final = 20_000
LOOKED_AT_MAX: Final = 50_000
_BOUNDS: Final = ("account_id", "environment", "created_after", "created_before")
# An ID may be created this long before its row is written, for example while a large file is read.
_MADE_BEFORE_US: Final = 7 * DAY_US
_AHEAD_US: Final = HOUR_US

# The first part is the operator for IDs within the bound. The next two find the nearest ID outside it. If that
# row's time matches the fourth part, the bound is wrong, and the fifth replaces it.
_ENDS: Final[Mapping[str, tuple[str, str, str, str, str]]] = {
    "first_id": (">=", "DESC", "<", ">= :created_after", ""),
    "end_id": ("<", "ASC", ">=", "< :created_before", NEWEST),
}


class ListPlace(NamedTuple):
    """Where a page begins in an order other than newest first.

    `sort` is OLDEST_FIRST or the name of a sort, with "-" before it for descending order. `id` is the ID of the
    row before the page, or None.
    """

    sort: str
    id: str | None = None


Begin = str | ListPlace | None


class ListStretch(list[T]):
    def __init__(self, items: Iterable[T], end: str | None, *, has_more: bool = True) -> None:
        super().__init__(items)
        self.end = end
        self.has_more = has_more and end is not None


def end_of(rows: Sequence[object]) -> str | None:
    return rows.end if isinstance(rows, ListStretch) else None


def cut(rows: Sequence[T], limit: int, cursor: Callable[[T], str]) -> ListStretch[T]:
    """Remove the extra row, which shows whether more rows follow."""
    return ListStretch(rows[:limit], cursor(rows[limit - 1]) if len(rows) > limit else None)


class Keyset:
    """A list of the rows of `source`, which is a table or a join.

    - where: a clause that every row matches.
    - filters: clauses that apply if their value is given.
    - indexed: the filters that have an index ending in the key.
    - key: the unique column that orders the list.
    - sorts: expressions for other orders of a single table, by name. An expression must never be null.
    - days_of: the prefix of the IDs, if created_after and created_before filter the rows.
    - looked_at: how many rows are read for a page.
    - is_short: few rows match `where`, and an index finds them. They are sorted, because SQLite, which has no
      statistics, would otherwise choose an index in the key's order, and read all rows.
    """

    def __init__(
        self,
        columns: str,
        source: str,
        where: str = "",
        *,
        filters: Mapping[str, str] | None = None,
        key: str = "id",
        order: Literal["ASC", "DESC"] = "DESC",
        sorts: Mapping[str, str] | None = None,
        indexed: Sequence[str] = (),
        days_of: str = "",
        looked_at: int = LOOKED_AT_MAX,
        is_short: bool = False,
    ) -> None:
        key = f"{key} || ''" if is_short else key  # no index has this expression
        self._columns, self._source, self._key = columns, source, key
        self._sorts, self._days_of = sorts or {}, days_of
        self._looked_at = looked_at
        self._inner = (*_BOUNDS, *indexed, *_ENDS)
        self._select = f"SELECT {columns} FROM {source}"
        self._count = f"SELECT COUNT(*) AS total FROM {source}"
        self._where = [where] if where else []
        self._filters = {
            **(filters or {}),
            **{name: self._end(name) for name in (_ENDS if days_of else ())},
            "before_id": f"{key} < :before_id",
            "last_id": f"{key} >= :last_id",
            "look_id": f"{key} <= :look_id",
        }
        self._order = f"ORDER BY {key} {order} LIMIT :page_rows"

    @property
    def sorts(self) -> frozenset[str]:
        return frozenset({OLDEST_FIRST, *self._sorts})

    async def page(
        self,
        tx: Transaction,
        tenant: Tenant | None = None,
        *,
        limit: int,
        before_id: Begin = None,
        **values: Any,
    ) -> Sequence[Row]:
        """Return at most `limit` rows after `before_id`. :account_id and :environment are taken from the tenant."""
        values = self._values(tenant, before_id, values)
        if isinstance(before_id, ListPlace):
            text = self._text_of(before_id, values)
        else:
            text = self.text(values)
        return await tx.fetch(text, page_rows=limit, **values)

    async def stretch(
        self,
        tx: Transaction,
        read: Callable[[Row], T],
        tenant: Tenant | None = None,
        *,
        limit: int,
        before_id: Begin = None,
        **values: Any,
    ) -> "ListStretch[T]":
        """Return a page of rows, each converted by `read`.

        If a filter has no index, only `looked_at` rows are read. So a page may be short or empty although more
        rows follow.
        """
        known = self._values(tenant, before_id, values)
        end_id = await self._end_of_look(tx, before_id, known)
        narrowed = {**values, "last_id": end_id, "look_id": None}
        if isinstance(before_id, ListPlace):
            narrowed |= {"last_id": None, "look_id": end_id}
        rows = await self.page(tx, tenant, limit=limit, before_id=before_id, **narrowed)
        return ListStretch((read(row) for row in rows), end_id)

    async def total(
        self, tx: Transaction, tenant: Tenant, amount: str, *, most: int, **values: Any
    ) -> tuple[int, int, bool]:
        """Count at most `most` matching rows. Return the count, the sum of `amount`, and whether more may match."""
        known = self._values(tenant, None, values)
        end_id = await self._end_of_look(tx, None, known)
        known |= {"last_id": end_id, "page_rows": most + 1}
        row = await tx.fetch_one(
            f"SELECT COUNT(*) AS number, COALESCE(SUM(counted.amount), 0) AS total FROM"
            f" (SELECT {amount} AS amount FROM {self._source}{self._narrowed(known)}"
            f" {self._order}) AS counted",
            **known,
        )
        assert row is not None, "an aggregate has one row"
        number = int(row["number"])
        return min(number, most), int(row["total"]), number > most or end_id is not None

    async def _end_of_look(
        self, tx: Transaction, begin: Begin, values: Mapping[str, Any]
    ) -> str | None:
        inner = {name: values[name] for name in (*self._inner, "before_id") if name in values}
        is_sorted = isinstance(begin, ListPlace) and begin.sort != OLDEST_FIRST
        if is_sorted or len(self._given(inner)) == len(self._given(values)):
            return None
        clauses, order = [*self._where, *self._given(inner)], "DESC"
        if isinstance(begin, ListPlace):
            order = "ASC"
            clauses += [] if begin.id is None else [f"{self._key} > :after_id"]
        row = await tx.fetch_one(
            f"SELECT {self._key} AS id FROM {self._source}{_where(clauses)}"
            f" ORDER BY {self._key} {order} LIMIT 1 OFFSET {self._looked_at - 1}",
            **values,
        )
        return None if row is None else str(row["id"])

    def _values(
        self, tenant: Tenant | None, begin: Begin, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        known = {**values, **self._ends(values)}
        if tenant is not None:
            known |= tenant._asdict()
        place = "after_id" if isinstance(begin, ListPlace) else "before_id"
        return known | {place: begin.id if isinstance(begin, ListPlace) else begin}

    async def numbered_page(
        self, tx: Transaction, *, offset: int, limit: int, **values: Any
    ) -> tuple[Sequence[Row], int]:
        text = f"{self.text(values)} OFFSET :page_offset"
        rows = await tx.fetch(text, page_rows=limit, page_offset=offset, **values)
        counted = await tx.fetch_one(f"{self._count}{self._narrowed(values)}", **values)
        return rows, 0 if counted is None else int(counted["total"])

    def text(self, values: Mapping[str, Any]) -> str:
        return f"{self._select}{self._narrowed(values)} {self._order}"

    def _text_of(self, place: ListPlace, values: Mapping[str, Any]) -> str:
        if place.sort == OLDEST_FIRST:
            after = [] if place.id is None else [f"{self._key} > :after_id"]
            clauses = [*self._where, *self._given(values), *after]
            return f"{self._select}{_where(clauses)} ORDER BY {self._key} LIMIT :page_rows"
        sorted_by = self._sorts[place.sort.removeprefix("-")]
        way, order = ("<", "DESC") if place.sort.startswith("-") else (">", "ASC")
        bounds = self._given({name: values[name] for name in self._inner if name in values})
        newest, alias = [*self._where, *bounds], self._source.split()[-1]
        # The row before the page must be in the list. Otherwise, a caller could guess another row's value.
        before = _where([*newest, f"{self._key} = :after_id"])
        last = f"SELECT {sorted_by} FROM {self._source}{before}"
        after = (
            [] if place.id is None else [f"({sorted_by}, {self._key}) {way} (({last}), :after_id)"]
        )
        return (
            f"SELECT {self._columns} FROM (SELECT {alias}.* FROM {self._source}{_where(newest)}"
            f" ORDER BY {self._key} DESC LIMIT {SORTED_ROWS_MAX}) AS {alias}"
            f"{_where([*self._given(values), *after])}"
            f" ORDER BY {sorted_by} {order}, {self._key} {order} LIMIT :page_rows"
        )

    def _ends(self, values: Mapping[str, Any]) -> dict[str, str]:
        first, end = values.get("created_after"), values.get("created_before")
        found = {}
        if self._days_of and first is not None:
            found["first_id"] = least_id(self._days_of, max(0, first - _MADE_BEFORE_US))
        if self._days_of and end is not None:
            found["end_id"] = least_id(self._days_of, max(0, end + _AHEAD_US))
        return found

    def _end(self, name: str) -> str:
        way, order, other, is_wrong, none = _ENDS[name]
        beside = _where([*self._where, f"{self._key} {other} :{name}"])
        return (
            f"{self._key} {way} CASE WHEN (SELECT created_at FROM {self._source}{beside}"
            f" ORDER BY {self._key} {order} LIMIT 1) {is_wrong} THEN '{none}' ELSE :{name} END"
        )

    def _narrowed(self, values: Mapping[str, Any]) -> str:
        return _where([*self._where, *self._given(values)])

    def _given(self, values: Mapping[str, Any]) -> list[str]:
        return [
            clause
            for name, clause in self._filters.items()
            if (value := values.get(name)) is not None and value is not False
        ]


def _where(clauses: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(clauses)}" if clauses else ""
