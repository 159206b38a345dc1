"""Read an account's statement page by page.

Merchants don't see suppliers' costs.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from billing.ledger.chart import OPERATORS_OWN, LedgerAccountKind
from billing.ledger.money import micros_to_cents
from kernel.clock import rfc3339
from kernel.tenant import Tenant
from store.database import Database, Transaction, Work

PAGE_TRANSFERS = 500
_OWN = f"('{LedgerAccountKind.WALLET}', '{LedgerAccountKind.GRANT}')"
_HIDDEN = ", ".join(f"'{code}'" for code in sorted(OPERATORS_OWN))


@dataclass(frozen=True, slots=True)
class StatementLine:
    transfer: Mapping[str, Any]
    change_micros: int
    transaction_id: str | None = None
    subject_id: str | None = None

    @property
    def other_side(self) -> str:
        return str(self.transfer["debit" if self.change_micros > 0 else "credit"])


async def opening_micros(database: Database, tenant: Tenant, *, before: int) -> int:
    async def work(tx: Transaction) -> int:
        row = await tx.fetch_one(
            f"""SELECT COALESCE(SUM(
                    CASE WHEN c.kind IN {_OWN} THEN t.amount_micros ELSE 0 END
                  - CASE WHEN d.kind IN {_OWN} THEN t.amount_micros ELSE 0 END), 0) AS micros
                FROM transfers t
                JOIN ledger_accounts d ON d.id = t.debit_id
                JOIN ledger_accounts c ON c.id = t.credit_id
                WHERE t.account_id = :account_id AND t.environment = :environment
                  AND t.created_at < :before""",
            **tenant._asdict(),
            before=before,
        )
        return 0 if row is None else int(row["micros"])

    return await database.read(work)


async def lines(
    database: Database, tenant: Tenant, *, since: int, until: int
) -> AsyncIterator[StatementLine]:
    async for page in pages(database, tenant, since=since, until=until):
        for line in page:
            yield line


async def pages(
    database: Database, tenant: Tenant, *, since: int, until: int
) -> AsyncIterator[list[StatementLine]]:
    after_id = ""
    while True:
        page = await database.read(_page(tenant, since=since, until=until, after_id=after_id))
        yield page
        if len(page) < PAGE_TRANSFERS:
            return
        after_id = page[-1].transfer["id"]


def _page(tenant: Tenant, *, since: int, until: int, after_id: str) -> Work[list[StatementLine]]:
    async def work(tx: Transaction) -> list[StatementLine]:
        rows = await tx.fetch(
            f"""SELECT t.id, t.amount_micros, t.code, t.created_at, d.kind AS debit_kind,
                      d.name AS debit_name, c.kind AS credit_kind, c.name AS credit_name,
                      t.transaction_id, t.subject_id
               FROM transfers t
               JOIN ledger_accounts d ON d.id = t.debit_id
               JOIN ledger_accounts c ON c.id = t.credit_id
               WHERE t.account_id = :account_id AND t.environment = :environment
                 AND t.created_at >= :since AND t.created_at < :until AND t.id > :after_id
                 AND NOT t.code IN ({_HIDDEN})
               ORDER BY t.id LIMIT :limit""",
            **tenant._asdict(),
            since=since,
            until=until,
            after_id=after_id,
            limit=PAGE_TRANSFERS,
        )
        return [_line(row) for row in rows]

    return work


def statement_head(*, since: str, until: str, opening_micros: int) -> dict[str, Any]:
    return {
        "from": since,
        "to": until,
        "opening_balance_cents": micros_to_cents(opening_micros),
        "opening_balance_micros": opening_micros,
    }


def _line(row: Any) -> StatementLine:
    own = {LedgerAccountKind.WALLET, LedgerAccountKind.GRANT}
    change = 0
    if row["credit_kind"] in own:
        change += row["amount_micros"]
    if row["debit_kind"] in own:
        change -= row["amount_micros"]
    return StatementLine(
        transfer_shape(
            row["id"],
            account_label(row["debit_kind"], row["debit_name"]),
            account_label(row["credit_kind"], row["credit_name"]),
            row["amount_micros"],
            row["code"],
            row["created_at"],
        ),
        change,
        row["transaction_id"],
        row["subject_id"],
    )


def account_label(kind: str, name: str) -> str:
    return f"{kind}:{name}" if name else kind


def transfer_shape(
    transfer_id: str,
    debit: str,
    credit: str,
    amount_micros: int,
    code: str,
    created_at: int,
    *,
    key_id: str | None = None,
    key_name: str | None = None,
) -> dict[str, Any]:
    return {
        "id": transfer_id,
        "debit": debit,
        "credit": credit,
        "amount_cents": micros_to_cents(amount_micros),
        "amount_micros": amount_micros,
        "code": str(code),
        "key_id": key_id,
        "key_name": key_name,
        "created_at": rfc3339(created_at),
    }
