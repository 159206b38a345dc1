"""Lists by keyset: the newest first, a page at a time, each beginning after the last one's last id.

    _PAGES = Keyset(_ROWS.listed, "approvals", OWN, filters={"status": "status = :status"})
    rows = await _PAGES.page(tx, tenant, before_id=before_id, limit=limit, status=status)

Promise: a page costs the same however far down it lies, where an index ends in the key; values are
parameters, never text. The text is put together here for every list but the delivery log, whose
filters each have an index of their own (webhooks/deliveries/log_page.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from kernel.tenant import Tenant
from store.database import Row, Transaction

# Later than every id: as before_id it begins at the newest, in the words of every other page.
NEWEST: Final = "~"


class Keyset:
    """A list of the rows of `source`: a table, or what joins several.

    where: what holds for every row; empty: nothing. filters: what holds too where the value of that
    name is given, which None and False are not. All are joined by AND. key: the column that orders
    the list, unique in it.
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
    ) -> None:
        self._select = f"SELECT {columns} FROM {source}"
        self._count = f"SELECT COUNT(*) AS total FROM {source}"
        self._where = [where] if where else []
        self._filters = {**(filters or {}), "before_id": f"{key} < :before_id"}
        self._order = f"ORDER BY {key} {order} LIMIT :page_rows"

    async def page(
        self,
        tx: Transaction,
        tenant: Tenant | None = None,
        *,
        limit: int,
        before_id: str | None = None,
        **values: Any,
    ) -> Sequence[Row]:
        """At most `limit` rows, those with a smaller key than before_id.

        tenant: whose rows, for :account_id and :environment.
        """
        values["before_id"] = before_id
        if tenant is not None:
            values["account_id"], values["environment"] = tenant
        return await tx.fetch(self.text(values), page_rows=limit, **values)

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

    def _narrowed(self, values: Mapping[str, Any]) -> str:
        given = (
            clause
            for name, clause in self._filters.items()
            if (value := values.get(name)) is not None and value is not False
        )
        clauses = [*self._where, *given]
        return f" WHERE {' AND '.join(clauses)}" if clauses else ""
