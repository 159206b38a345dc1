"""Page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from billing.documents.billing_details import buyers
from billing.ledger import statement
from billing.ledger.chart import LedgerAccountKind
from kernel.tenant import Tenant
from store.database import Database, Transaction


class StatementEntry(NamedTuple):
    """balance after it, in micros. recipient: whose top-up it was, if the ledger account doesn't say it."""

    line: statement.StatementLine
    balance_micros: int
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Amounts in micros. entries: the first of the period; has_more: there are others."""

    name: str
    opening_micros: int
    closing_micros: int
    entries: list[StatementEntry]
    has_more: bool


async def statement_page(
    database: Database, tenant: Tenant, *, since: int, until: int, entries_max: int
) -> StatementPage:
    """Return what changed the balance with since <= created_at < until, oldest first."""
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
    shown = entries[:entries_max]
    held = sorted({one.line.transaction_id or "" for one in shown if _is_held(one.line)} - {""})
    named, recipients = await database.read(lambda tx: _names(tx, tenant, held))
    return StatementPage(
        name=named,
        opening_micros=opening_micros,
        closing_micros=await statement.opening_micros(database, tenant, before=until),
        entries=[
            entry._replace(recipient=recipients.get(entry.line.transaction_id or "", ""))
            if _is_held(entry.line)
            else entry
            for entry in shown
        ],
        has_more=len(entries) > entries_max,
    )


def _is_held(line: statement.StatementLine) -> bool:
    return line.other_side.partition(":")[0] == LedgerAccountKind.HELD


async def _names(
    tx: Transaction, tenant: Tenant, transaction_ids: Sequence[str]
) -> tuple[str, dict[str, str]]:
    name = (await buyers(tx, [tenant.account_id]))[tenant.account_id].name
    if not transaction_ids:
        return name, {}
    rows = await tx.fetch(
        """SELECT id, recipient_email FROM topups WHERE id IN :ids[text]
             AND account_id = :account_id AND environment = :environment""",
        ids=list(transaction_ids),
        **tenant._asdict(),
    )
    return name, {row["id"]: row["recipient_email"] for row in rows}
