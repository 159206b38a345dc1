"""Reports of the operator: money that came in by month, and what credit became of it."""

from typing import Annotated, Final

from msgspec import Meta

from billing.reports.money_back import RevenuePeriod
from billing.reports.revenue import (
    OutstandingLine,
    RevenueLine,
    credit_lines,
    revenue_lines,
)
from gateway.answers import response_codes as codes
from gateway.answers.envelope import answer, page
from gateway.answers.outcome import Listing, exported
from gateway.http.lists import Export, short_csv
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.clock import DAY_US
from kernel.errors import InvalidInput
from kernel.fields import ExportFormat as Format, Fields, Time, time_us
from keys.principal import ADMIN

YEAR_US: Final = 366 * DAY_US


class ReportQuery(
    Fields, frozen=True, kw_only=True, rename={"since": "from", "until": "to", "form": "format"}
):
    """from is inclusive (default: a year ago), to exclusive (default: now)."""

    since: (
        Annotated[Time, Meta(description="The beginning, inclusive; left out: a year ago.")] | None
    ) = None
    until: Annotated[Time, Meta(description="The end, exclusive; left out: now.")] | None = None
    form: Annotated[
        Format,
        Meta(
            description="csv: the same lines, behind a line of names. csv_excel: that behind the byte order"
            " mark by which Excel knows UTF-8."
        ),
    ] = "json"


async def revenue(call: RequestContext[Fields, ReportQuery]) -> Reply:
    """By month, provider and currency."""
    lines = await revenue_lines(call.context.database.unhurried(), _period(call))
    return await _reply(call, "revenue", RevenueLine.__struct_fields__, list(lines))


async def outstanding(call: RequestContext[Fields, ReportQuery]) -> Reply:
    """By month; the last line's closing balance is what customers hold."""
    lines = await credit_lines(call.context.database.unhurried(), _period(call))
    return await _reply(call, "outstanding", OutstandingLine.__struct_fields__, list(lines))


def _period(call: RequestContext[Fields, ReportQuery]) -> RevenuePeriod:
    until = time_us(call.query.until, "to")
    until = call.now_us + 1 if until is None else until
    since = time_us(call.query.since, "from")
    since = until - YEAR_US if since is None else since
    if since >= until:
        raise InvalidInput("from is before to", param="from")
    return RevenuePeriod(call.principal.environment, since, until)


async def _reply(
    call: RequestContext[Fields, ReportQuery],
    name: str,
    columns: tuple[str, ...],
    lines: list[RevenueLine] | list[OutstandingLine],
) -> Reply:
    if call.query.form == "json":
        return answer(codes.SUCCESS, page(lines, None), now_us=call.now_us)
    export = Export(name, (ADMIN,), columns)
    return await short_csv(call, export, call.query.form, lines, is_everybodys=True)


ROUTES = (
    Route(
        "GET",
        "/reports/revenue",
        revenue,
        "Money in, back and kept by providers, by month",
        scopes=(ADMIN,),
        query=ReportQuery,
        description=(
            "Amounts in each currency's smallest unit; months by UTC, of the payment. refunded_in_month"
            " goes by the month in which the money went back."
        ),
        answers=exported(Listing[RevenueLine]),
    ),
    Route(
        "GET",
        "/reports/outstanding",
        outstanding,
        "Credit sold, given, used, expired and still held, by month",
        scopes=(ADMIN,),
        query=ReportQuery,
        description=(
            "Of all customers, in micros of a US dollar, from the ledger: a line's opening balance"
            " with its columns is its closing one. breakage_micros is credit of plans that was paid"
            " for and ended unused; expired_micros is given credit that ended."
        ),
        answers=exported(Listing[OutstandingLine]),
    ),
)
