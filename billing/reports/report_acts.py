"""Operators' reports: money received, credit granted for it, and top-up margins."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, field

from billing.reports.revenue import (
    MarginBy,
    MarginLine,
    MarginPeriod,
    OutstandingLine,
    RevenueLine,
    RevenuePeriod,
    credit_lines,
    margin_lines,
    revenue_lines,
)
from kernel.clock import DAY_US
from kernel.errors import InvalidInput
from kernel.fields import ExportFormat, Fields, ShortText, Time, said, time_us
from kernel.shaped import SIGNED, Shaped
from keys.act import OPERATOR, CallContext, ReportAct
from store.database import Database

_YEAR_DAYS = 366
_MARGIN_DAYS = 30


class ReportQuery(Fields, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """Select a period by `from` and `to`."""

    since: (
        Annotated[
            Time,
            Meta(description="The beginning, inclusive. Default: a year ago."),
            said("From", hint="The first day, UTC. Leave blank for a year ago."),
        ]
        | None
    ) = None
    until: (
        Annotated[
            Time,
            Meta(description="The end, exclusive. Default: now."),
            said("Before", hint="The day after the last one, UTC. Leave blank for now."),
        ]
        | None
    ) = None
    format: Annotated[
        ExportFormat,
        Meta(
            description="csv: the same lines after a line of names. csv_excel: the same with the byte order mark"
            " that Excel needs for UTF-8."
        ),
    ] = "json"


class MarginQuery(ReportQuery, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """Select delivered top-ups, and group them."""

    since: (
        Annotated[
            Time,
            Meta(description="The first time of delivery. Default: 30 days ago."),
            said("From", hint="The first day, UTC. Leave blank for 30 days ago."),
        ]
        | None
    ) = None
    platform: (
        Annotated[ShortText, Meta(description="Return only top-ups of this platform.")] | None
    ) = None
    by: Annotated[
        list[MarginBy],
        Meta(min_length=1, description="The fields to group by, with a line for each combination."),
        said("Group by"),
    ] = field(default_factory=lambda: ["day"])
    format: Annotated[ExportFormat, Meta(description="JSON, or the whole report as CSV.")] = "json"


class BreakageLine(Shaped, kw_only=True):
    """The credit that expired unused in one month, and the credit that customers held when the month ended."""

    month: Annotated[str, Meta(description="The UTC month, such as 2026-06.")]
    breakage_micros: Annotated[
        int, Meta(extra_json_schema=SIGNED, description="Paid credit of plans that expired unused.")
    ]
    expired_micros: Annotated[
        int, Meta(extra_json_schema=SIGNED, description="Granted credit that expired unused.")
    ]
    closing_micros: Annotated[
        int, Meta(extra_json_schema=SIGNED, description="Credit held at the month's end.")
    ]


def _between(context: CallContext, asked: ReportQuery, days: int) -> tuple[int, int]:
    until = time_us(asked.until, "to")
    until = context.now_us + 1 if until is None else until
    since = time_us(asked.since, "from")
    since = until - days * DAY_US if since is None else since
    if since >= until:
        raise InvalidInput(
            "`from` must be before `to`. A month means its first moment, so November is from 2026-11 to 2026-12.",
            param="from",
        )
    return since, until


async def revenue(
    context: CallContext, asked: ReportQuery, database: Database
) -> Sequence[RevenueLine]:
    period = RevenuePeriod(context.environment, *_between(context, asked, _YEAR_DAYS))
    return await revenue_lines(database, period)


async def outstanding(
    context: CallContext, asked: ReportQuery, database: Database
) -> Sequence[OutstandingLine]:
    period = RevenuePeriod(context.environment, *_between(context, asked, _YEAR_DAYS))
    return await credit_lines(database, period)


async def margin(
    context: CallContext, asked: MarginQuery, database: Database
) -> Sequence[MarginLine]:
    since, until = _between(context, asked, _MARGIN_DAYS)
    platform = None if asked.platform is None else asked.platform.lower()
    period = MarginPeriod(context.environment, since, until, platform)
    return await margin_lines(database, period, by=tuple(dict.fromkeys(asked.by)))


REVENUE = ReportAct(
    name="report.revenue",
    summary="Report payments, refunds and providers' fees by month",
    description="Amounts are in each currency's smallest unit. Months are UTC months of the payment;"
    " refunded_in_month is by the month of the refund.",
    path="/reports/revenue",
    query=ReportQuery,
    run=revenue,
    result=RevenueLine,
    is_catalogue=True,
    columns=(
        *("month", "provider", "payments", "paid", "refunded", "refunded_in_month"),
        *("net", "fee", "fees_known"),
    ),
    examples=(
        "topup report revenue --environment live",
        "topup report revenue --from 2026-11 --to 2026-12 --environment live",
        "topup report revenue --from 2026-01-01 --environment live --csv",
    ),
)
OUTSTANDING = ReportAct(
    name="report.outstanding",
    summary="Report credit sold, granted, used, expired and still held, by month",
    description="The credit of all customers, in millionths of a US dollar, from the ledger. A line's opening"
    " balance plus its columns is its closing balance. breakage_micros is paid credit of plans that expired"
    " unused; expired_micros is granted credit that expired.",
    path="/reports/outstanding",
    query=ReportQuery,
    run=outstanding,
    result=OutstandingLine,
    is_catalogue=True,
    columns=(
        *("month", "closing_micros", "sold_micros", "granted_micros", "reversed_micros"),
        *("used_micros", "breakage_micros", "expired_micros", "withdrawn_micros"),
        *("debts_micros", "opening_micros"),
    ),
    examples=(
        "topup report outstanding --from 2026-11 --environment live",
        "topup report outstanding --environment live --csv",
    ),
)
BREAKAGE = ReportAct(
    name="report.breakage",
    summary="Report credit that expired unused, by month",
    description=(
        "Amounts are in millionths of a US dollar, as in the report of outstanding credit."
        " They are negative, because customers no longer hold this credit."
    ),
    path="/reports/breakage",
    audience=(OPERATOR,),
    query=ReportQuery,
    run=outstanding,
    result=BreakageLine,
    is_catalogue=True,
    columns=BreakageLine.__struct_fields__,
    examples=("topup report breakage --from 2026-01 --environment live",),
)
MARGIN = ReportAct(
    name="report.margin",
    summary="Report charges, costs and margin of delivered top-ups",
    description=("A top-up without a known cost counts in without_cost, and not in the margin."),
    path="/reports/margin",
    audience=(OPERATOR,),
    query=MarginQuery,
    run=margin,
    result=MarginLine,
    is_catalogue=True,
    columns=MarginLine.__struct_fields__,
    examples=(
        "topup report margin --environment live",
        "topup report margin --by platform --by supplier --environment live",
        "topup report margin --from 2026-06 --to 2026-07 --csv",
    ),
)
ACTS = (BREAKAGE, MARGIN, OUTSTANDING, REVENUE)
