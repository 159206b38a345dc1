"""A statement as a person looks at it: who it is of, the balance before and after, what changed it between."""

from dataclasses import dataclass
from typing import NamedTuple

from billing.documents.billing_details import buyers
from billing.ledger import statement
from kernel.tenant import Tenant
from store.database import Database


class StatementEntry(NamedTuple):
    """A transfer that changed the balance, and the balance after it, in micros."""

    line: statement.StatementLine
    balance_micros: int


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Amounts in micros. entries are the first of the period; has_more: there are others after them."""

    name: str
    opening_micros: int
    closing_micros: int
    entries: list[StatementEntry]
    has_more: bool


async def statement_page(
    database: Database, tenant: Tenant, *, since: int, until: int, entries_max: int
) -> StatementPage:
    """What changed the balance with since <= created_at < until, oldest first."""
    opening_micros = await statement.opening_micros(database, tenant, before=since)
    entries: list[StatementEntry] = []
    balance_micros = opening_micros
    async for line in statement.lines(database, tenant, since=since, until=until):
        if not line.change_micros:
            continue
        balance_micros += line.change_micros
        entries.append(StatementEntry(line, balance_micros))
        if len(entries) > entries_max:
            break
    named = await database.read(lambda tx: buyers(tx, [tenant.account_id]))
    return StatementPage(
        name=named[tenant.account_id].name,
        opening_micros=opening_micros,
        closing_micros=await statement.opening_micros(database, tenant, before=until),
        entries=entries[:entries_max],
        has_more=len(entries) > entries_max,
    )
