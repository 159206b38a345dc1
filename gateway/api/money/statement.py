"""Statement: opening balance, every transfer and closing balance, as JSON, CSV or PDF."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec
from starlette.responses import Response

from billing.documents import billing_details
from billing.documents.statement_sheet import LINES_MAX, StatementSheet, statement_name
from billing.ledger import statement
from billing.ledger.money import micros_to_cents
from billing.reports.attributed_statement import (
    MONTH,
    STATEMENT,
    StatedTransfer,
    Statement,
    StatementQuery,
    attributed_lines,
)
from gateway.answers import response_codes as codes
from gateway.answers.outcome import JSON, Outcome
from gateway.answers.response_codes import CODES
from gateway.http.acts import own_route
from gateway.http.lists import csv_file, streamed
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import moment_us, next_month_start_us, parse_rfc3339, rfc3339
from kernel.csv_text import csv_head, csv_lines
from kernel.errors import InvalidInput
from kernel.fields import Fields, time_us

_encode = msgspec.json.Encoder().encode
_PDF: Final = "application/pdf"
_CSV_COLUMNS = (
    "id",
    "created_at",
    "code",
    "debit",
    "credit",
    "amount_cents",
    "amount_micros",
    "change_micros",
    "balance_micros",
    "key_id",
    "key_name",
    # The ID of the top-up, order, hold or redemption. A send has one line for the hold, and one for the
    # settlement.
    "transaction_id",
    "subject_id",
)


async def show(call: RequestContext[Fields, StatementQuery]) -> Reply:
    now_us = call.now_us
    since, until = _period(call.query, now_us)
    tenant, database = call.principal.tenant, call.context.database
    opening_micros = await statement.opening_micros(database, tenant, before=since)
    lines = attributed_lines(database, tenant, since=since, until=until)
    if call.query.form == "pdf":
        return await _pdf(call, since, until, opening_micros, lines)
    if call.query.form in {"csv", "csv_excel"}:
        name, parts = await _file_name(call, since, until), _csv(opening_micros, lines)
        return csv_file(call, STATEMENT.scopes, parts, name=name, form=call.query.form)
    head = statement.statement_head(
        since=rfc3339(since), until=rfc3339(until), opening_micros=opening_micros
    )
    parts = _json(head, opening_micros, lines, now_us)
    return streamed(call, STATEMENT.scopes, parts, media_type="application/json")


def _period(query: StatementQuery, now_us: int) -> tuple[int, int]:
    if query.month is not None:
        if query.since is not None or query.until is not None:
            raise InvalidInput("Give either `month`, or `from` and `to`.", param="month")
        return _month(query.month, now_us)
    since = time_us(query.since, "from") or 0
    until = time_us(query.until, "to")
    until = now_us + 1 if until is None else until
    if since >= until:
        raise InvalidInput("`from` must be earlier than `to`, which defaults to now.", param="from")
    return since, until


def _month(text: str, now_us: int) -> tuple[int, int]:
    known = f"a month is written like {rfc3339(now_us)[:7]}, from 01 to 12"
    since = moment_us(text) if MONTH.match(text) else None
    if since is None:
        raise InvalidInput(known, param="month")
    if since > now_us:
        raise InvalidInput(
            f"{text} hasn't begun yet. The newest statement is {rfc3339(now_us)[:7]}, which covers "
            "everything up to now.",
            param="month",
        )
    return since, min(next_month_start_us(since), now_us + 1)


async def _file_name(call: RequestContext[Fields, StatementQuery], since: int, until: int) -> str:
    account_id = call.principal.account_id
    found = await call.context.database.read(lambda tx: billing_details.buyers(tx, [account_id]))
    return statement_name(found[account_id].name, since, until)


async def _pdf(
    call: RequestContext[Fields, StatementQuery],
    since: int,
    until: int,
    opening_micros: int,
    lines: AsyncIterator[statement.StatementLine],
) -> Response:
    name = await _file_name(call, since, until)
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    if call.method == "HEAD":
        return Response(media_type=_PDF, headers=headers)
    kept: list[statement.StatementLine] = []
    async for line in lines:
        if line.change_micros:
            kept.append(line)
        if len(kept) > LINES_MAX:
            raise InvalidInput(
                f"The statement has more than {LINES_MAX} lines. Choose a shorter period, or "
                "format=csv.",
                param="format",
            )
    principal, seller = call.principal, call.context.settings.seller
    account_id = principal.account_id
    found = await call.context.database.read(lambda tx: billing_details.buyers(tx, [account_id]))
    asked = StatementSheet(
        seller=seller.party,
        buyer=found[account_id],
        # Without a start, the statement begins on the day of the account's first line.
        since=since or _first_day(kept, call.now_us),
        until=min(until, call.now_us + 1),
        opening_micros=opening_micros,
        lines=kept,
        made_at=call.now_us,
        is_test=principal.environment != "live",
    )
    body = await call.context.printer.statement(asked)
    return Response(
        body, media_type=_PDF, headers={**headers, "Cache-Control": "private, no-store"}
    )


def _first_day(lines: Sequence[statement.StatementLine], now_us: int) -> int:
    return parse_rfc3339(lines[0].transfer["created_at"]) if lines else now_us


async def _json(
    head: dict[str, object],
    opening_micros: int,
    lines: AsyncIterator[statement.StatementLine],
    now_us: int,
) -> AsyncIterator[bytes]:
    row = CODES[codes.SUCCESS]
    yield (
        b'{"success":true,"code":%d,"message":%s,"transaction_id":null,"status":"ok",'
        b'"timestamp":%s,"data":' % (row.code, _encode(row.message), _encode(rfc3339(now_us)))
    )
    yield _encode(head)[:-1] + b',"transfers":['
    balance_micros, separator = opening_micros, b""
    async for line in lines:
        balance_micros += line.change_micros
        yield separator + _encode(StatedTransfer(**line.transfer, balance_micros=balance_micros))
        separator = b","
    closing = {
        "closing_balance_cents": micros_to_cents(balance_micros),
        "closing_balance_micros": balance_micros,
    }
    yield b"]," + _encode(closing)[1:] + b"}"


async def _csv(
    opening_micros: int, lines: AsyncIterator[statement.StatementLine]
) -> AsyncIterator[bytes]:
    opening = {"code": "opening_balance", "balance_micros": opening_micros}
    yield (csv_head(_CSV_COLUMNS) + csv_lines(_CSV_COLUMNS, [opening])).encode()
    balance_micros = opening_micros
    async for line in lines:
        balance_micros += line.change_micros
        values = {
            **line.transfer,
            "change_micros": line.change_micros,
            "balance_micros": balance_micros,
            "transaction_id": line.transaction_id,
            "subject_id": line.subject_id,
        }
        yield csv_lines(_CSV_COLUMNS, [values]).encode()
    closing = {"code": "closing_balance", "balance_micros": balance_micros}
    yield csv_lines(_CSV_COLUMNS, [closing]).encode()


ROUTES = (
    own_route(STATEMENT, show, (Outcome(200, Statement, media_types=(JSON, "text/csv", _PDF)),)),
)
