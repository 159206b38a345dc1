"""Statements: an account's transfers, with the key that caused each."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta, Struct

from billing.documents.billing_details import buyers
from billing.ledger import statement
from billing.ledger.chart import LedgerAccountKind
from billing.ledger.statement import StatementLine
from billing.topups.views import Transfer
from kernel.fields import Fields, Time as TimeText
from kernel.tenant import Tenant
from kernel.words import Cents, Micros, Time
from keys.act import MERCHANT, ApiRead
from store.database import Database, Transaction

MONTH: Final = re.compile(r"^[1-9][0-9]{3}-(0[1-9]|1[0-2])$")


class StatedTransfer(Transfer, kw_only=True):
    """A transfer in a statement, with the wallet's balance after it."""

    balance_micros: Micros


class Statement(Struct, kw_only=True, rename={"since": "from", "until": "to"}):
    """A period's transfers. The opening balance plus all transfers equals the closing balance."""

    since: Time
    until: Time
    opening_balance_cents: Cents
    opening_balance_micros: Micros
    transfers: list[StatedTransfer]
    closing_balance_cents: Cents
    closing_balance_micros: Micros


class StatementQuery(
    Fields, frozen=True, kw_only=True, rename={"since": "from", "until": "to", "form": "format"}
):
    """Select a period by `from` and `to`, or by a month."""

    since: (
        Annotated[
            TimeText, Meta(description="The beginning, inclusive. Default: the first transfer.")
        ]
        | None
    ) = None
    until: Annotated[TimeText, Meta(description="The end, exclusive. Default: now.")] | None = None
    month: (
        Annotated[
            str,
            Meta(
                max_length=40,
                description="A UTC month that has begun, such as 2026-06, instead of from and to.",
                extra_json_schema={"pattern": MONTH.pattern},
            ),
        ]
        | None
    ) = None
    form: Annotated[
        Literal["json", "csv", "csv_excel", "pdf"],
        Meta(
            description="csv_excel: CSV with the byte order mark that Excel needs for UTF-8. pdf: the changes of"
            " the balance, at most 1,000 lines."
        ),
    ] = "json"


class _Key(NamedTuple):
    id: str | None
    name: str | None


_NO_KEY = _Key(None, None)


async def attributed_lines(
    database: Database, tenant: Tenant, *, since: int, until: int
) -> AsyncIterator[StatementLine]:
    async for page in statement.pages(database, tenant, since=since, until=until):
        keys = await _keys_of(database, tenant, page)
        for line in page:
            found = keys.get(line.transaction_id or line.subject_id or "", _NO_KEY)
            named = {**line.transfer, "key_id": found.id, "key_name": found.name}
            yield replace(line, transfer=named)


async def _keys_of(
    database: Database, tenant: Tenant, page: Sequence[StatementLine]
) -> Mapping[str, _Key]:
    ids = {one for line in page for one in (line.transaction_id, line.subject_id)} - {None}
    if not ids:
        return {}

    async def work(tx: Transaction) -> Mapping[str, _Key]:
        rows = await tx.fetch(_KEYS, ids=sorted(str(one) for one in ids), **tenant._asdict())
        return {row["id"]: _Key(row["key_id"], row["key_name"]) for row in rows if row["key_id"]}

    return await database.read(work)


# A top-up stores the key's name at the time of the send. The first 20 characters of spent_by are the key's ID.
_KEYS = """
SELECT f.id, f.key_id, COALESCE(f.key_name, k.name) AS key_name FROM (
    SELECT id, NULLIF(SUBSTR(COALESCE(spent_by, ''), 1, 20), '') AS key_id, key_name
    FROM topups WHERE id IN :ids[text] AND account_id = :account_id AND environment = :environment
    UNION ALL
    SELECT id, key_id, NULL AS key_name FROM usage_records
    WHERE id IN :ids[text] AND account_id = :account_id AND environment = :environment
    UNION ALL
    SELECT id, NULLIF(SUBSTR(COALESCE(spent_by, ''), 1, 20), '') AS key_id, NULL AS key_name
    FROM holds WHERE id IN :ids[text] AND account_id = :account_id AND environment = :environment
) AS f LEFT JOIN api_keys k ON k.id = f.key_id
"""


class StatementEntry(NamedTuple):
    line: statement.StatementLine
    balance_micros: int
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class StatementPage:
    name: str
    opening_micros: int
    closing_micros: int
    entries: list[StatementEntry]
    has_more: bool


async def statement_page(
    database: Database, tenant: Tenant, *, since: int, until: int, entries_max: int
) -> StatementPage:
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


STATEMENT: Final = ApiRead(
    name="balance.statement",
    summary="Show a statement: opening balance, transfers, closing balance",
    path="/topup/statement",
    scopes=("topup:read",),
    audience=(MERCHANT,),
    query=StatementQuery,
    result=Statement,
    examples=("topup balance statement --month 2026-06",),
)
