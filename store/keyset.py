"""Lists by keyset: the newest first, a page at a time, each beginning after the last one's last id.

    _PAGES = Keyset(_ROWS.listed, "approvals", OWN, filters={"status": "status = :status"})
    rows = await _PAGES.page(tx, tenant, before_id=before_id, limit=limit, status=status)

Promise: a page costs the same however far down it lies, where an index ends in the key; values are
parameters, never text. The text is put together here for every list but the delivery log, whose
filters each have an index of their own (webhooks/deliveries/log_page.py).

A page may begin at a ListPlace of another order: the oldest first, which costs the same; or by one of the list's
sorts, for which the newest SORTED_ROWS_MAX rows are looked at, however many there are.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from kernel.tenant import Tenant
from store.database import Row, Transaction

# Later than every id: as before_id it begins at the newest, in the words of every other page.
NEWEST: Final = "~"
OLDEST_FIRST: Final = "created"
SORTED_ROWS_MAX: Final = 20_000
# These narrow what is sorted, too: whose rows, and of which days.
_BOUNDS: Final = ("account_id", "environment", "created_after", "created_before")


class ListPlace(NamedTuple):
    """Where a page begins in an order that is not the newest first.

    sort: OLDEST_FIRST, or a sort of the list, its smallest first; with a "-" before it, its greatest first.
    id: of the row before the page; null: it begins at the head.
    """

    sort: str
    id: str | None = None


# The id before which a page begins, the newest first; null: at the newest.
Begin = str | ListPlace | None


class Keyset:
    """A list of the rows of `source`: a table, or what joins several.

    where: what holds for every row; empty: nothing. filters: what holds too where the value of that
    name is given, which None and False are not. All are joined by AND. key: the column that orders
    the list, unique in it. sorts: what else orders it, of a table alone: by its name, an expression of
    the row that is never null.
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
    ) -> None:
        self._columns, self._source, self._key = columns, source, key
        self._sorts = sorts or {}
        self._select = f"SELECT {columns} FROM {source}"
        self._count = f"SELECT COUNT(*) AS total FROM {source}"
        self._where = [where] if where else []
        self._filters = {**(filters or {}), "before_id": f"{key} < :before_id"}
        self._order = f"ORDER BY {key} {order} LIMIT :page_rows"

    @property
    def sorts(self) -> frozenset[str]:
        """The orders of its pages beside the newest first, each without a "-"."""
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
        """At most `limit` rows, those with a smaller key than before_id, or those after that place.

        tenant: whose rows, for :account_id and :environment.
        """
        if tenant is not None:
            values["account_id"], values["environment"] = tenant
        if isinstance(before_id, ListPlace):
            text = self._text_of(before_id, values)
            values["after_id"] = before_id.id
        else:
            values["before_id"] = before_id
            text = self.text(values)
        return await tx.fetch(text, page_rows=limit, **values)

    async def numbered_page(
        self, tx: Transaction, *, offset: int, limit: int, **values: Any
    ) -> tuple[Sequence[Row], int]:
        """For those who number their pages: the rows from that offset, and how many there are."""
        text = f"{self.text(values)} OFFSET :page_offset"
        rows = await tx.fetch(text, page_rows=limit, page_offset=offset, **values)
        counted = await tx.fetch_one(f"{self._count}{self._narrowed(values)}", **values)
        return rows, 0 if counted is None else int(counted["total"])

    def text(self, values: Mapping[str, Any]) -> str:
        """The statement of a page that these values narrow; before_id is one of them."""
        return f"{self._select}{self._narrowed(values)} {self._order}"

    def _text_of(self, place: ListPlace, values: Mapping[str, Any]) -> str:
        """The statement of a page that begins there."""
        if place.sort == OLDEST_FIRST:
            after = [] if place.id is None else [f"{self._key} > :after_id"]
            clauses = [*self._where, *self._given(values), *after]
            return f"{self._select}{_where(clauses)} ORDER BY {self._key} LIMIT :page_rows"
        sorted_by = self._sorts[place.sort.removeprefix("-")]
        way, order = ("<", "DESC") if place.sort.startswith("-") else (">", "ASC")
        bounds = self._given({name: values[name] for name in _BOUNDS if name in values})
        newest, alias = [*self._where, *bounds], self._source.split()[-1]
        # The row before the page is one of the list's own, so that no other's value can be guessed.
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

    def _narrowed(self, values: Mapping[str, Any]) -> str:
        return _where([*self._where, *self._given(values)])

    def _given(self, values: Mapping[str, Any]) -> list[str]:
        """The clauses of the values that narrow a page."""
        return [
            clause
            for name, clause in self._filters.items()
            if (value := values.get(name)) is not None and value is not False
        ]


def _where(clauses: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(clauses)}" if clauses else ""
