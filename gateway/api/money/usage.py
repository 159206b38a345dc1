"""Usage: charge credit for AI usage, by amount or by tokens at the operator's price, and list what was used."""

import re
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from billing.reports import usage_report
from billing.reports.usage_report import LineKey, UsageBy, UsageWanted, usage_lines, usage_sums
from billing.usage.usage import RecordVerdict, Used, UsedBatch, new_usage, new_usage_batch
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import CSV, JSON, Listing, Outcome
from gateway.api.bodies.usage_body import ReadBatch, UsageBody, UsageRecordBody, decode
from gateway.api.schemas.usage import (
    Usage,
    UsageBatch,
    UsageGroup,
    UsageGroups,
    UsageLine,
    UsageVerdict,
)
from gateway.http.lists import Export, short_csv, short_list, stretch_page, stretches_csv
from gateway.http.refused_items import RefusedItems
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.clock import DAY_US, rfc3339
from kernel.errors import DomainError, InvalidInput, UnknownCursor
from kernel.fields import ExportPage, Fields, Text, time_us
from kernel.limits import BULK_BODY_BYTES_MAX, INT64_MAX
from store.database import Transaction
from store.keyset import cut

_READS: Final = ("usage:read",)
GROUP_DAYS: Final = 30
GROUP_DAYS_MAX: Final = 366
_DATE_CHARACTERS: Final = 10
_EXPORT: Final = Export("usage", _READS, UsageLine.__struct_fields__)
_PLACE: Final = re.compile(r"([0-9]{1,18})\.((?:usg|hld|chg)_[0-9A-Za-z]{1,32})")
Moment = Annotated[
    str, Meta(max_length=40, description="RFC 3339, or a day such as 2026-06-13, from its start.")
]


class UsageQuery(ExportPage, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """Which charges; from is inclusive, to exclusive. group_by: their sums instead, of whole UTC days."""

    model: Annotated[Text, Meta(description="Only charges for this model.")] | None = None
    key: Annotated[Text | None, Meta(description="The id of a key, or of an app.")] = None
    reference: Annotated[Text | None, Meta(description="Yours; an app's order_no.")] = None
    since: Moment | None = None
    until: Moment | None = None
    group_by: (
        Annotated[UsageBy, Meta(description="Their sums instead, of whole UTC days.")] | None
    ) = None


async def use(call: RequestContext[UsageRecordBody | ReadBatch, Fields]) -> Answer:
    body, engine = call.body, call.context.engine
    if isinstance(body, ReadBatch):
        batch = new_usage_batch(call.principal, [one.item for one in body.records])
        return await engine.submit_long_once(
            batch, call.request_key, _UsedBatch(body, RefusedItems(call, "/usage"))
        )
    command = new_usage(call.principal, body.item())
    return await engine.submit_once(command, call.request_key, _used)


async def list_usage(call: RequestContext[Fields, UsageQuery]) -> Reply:
    if call.query.group_by is not None:
        return await _grouped(call, call.query.group_by)
    wanted, tenant = _wanted(call), call.principal.tenant

    async def lines(
        tx: Transaction, *, before_id: str | None, limit: int
    ) -> Sequence[usage_report.UsageLine]:
        after = _place_of(before_id)
        return cut(
            await usage_lines(tx, tenant, wanted, after=after, limit=limit + 1), limit, _cursor
        )

    if call.query.format != "json":
        return await stretches_csv(call, lines, _EXPORT, shape=UsageLine.of_line)
    data = await stretch_page(call, lines, shape=UsageLine.of_line)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


async def _grouped(call: RequestContext[Fields, UsageQuery], by: UsageBy) -> Reply:
    wanted, tenant = _whole_days(call, _wanted(call)), call.principal.tenant

    async def work(tx: Transaction) -> tuple[list[UsageGroup], usage_report.UsageSum | None]:
        sums = await usage_sums(tx, tenant, wanted, by)
        total = await usage_sums(tx, tenant, wanted)
        return [UsageGroup.of_sum(one) for one in sums], total[0] if total else None

    groups, total = await call.context.database.read(work)
    if call.query.format != "json":
        export = Export(f"usage-by-{by}", _READS, UsageGroup.__struct_fields__)
        return await short_csv(call, export, call.query.format, groups)
    listed = short_list(groups, call.query, lambda one: one.cursor)
    data = UsageGroups(
        group_by=by,
        since=rfc3339(wanted.since),
        until=rfc3339(wanted.until),
        total=UsageGroup.of_total(total),
        items=listed.items,
        next_cursor=listed.next_cursor,
        has_more=listed.has_more,
    )
    return answer(codes.SUCCESS, data, now_us=call.now_us)


def _wanted(call: RequestContext[Fields, UsageQuery]) -> UsageWanted:
    query = call.query
    since, until = _moment(query.since, "from"), _moment(query.until, "to")
    wanted = UsageWanted(
        since=0 if since is None else since,
        until=INT64_MAX if until is None else until,
        model=query.model,
        key_id=query.key,
        reference=query.reference,
    )
    if wanted.since >= wanted.until:
        raise InvalidInput("`from` must be before `to`.", param="from")
    return wanted


def _whole_days(call: RequestContext[Fields, UsageQuery], wanted: UsageWanted) -> UsageWanted:
    """Fill in missing days: 30 of them, up to today. Raises InvalidInput."""
    query = call.query
    if query.reference is not None:
        raise InvalidInput("This filter applies to the list, not to sums.", param="reference")
    until = wanted.until if query.until is not None else call.now_us // DAY_US * DAY_US + DAY_US
    since = wanted.since if query.since is not None else until - GROUP_DAYS * DAY_US
    for param, at in (("from", since), ("to", until)):
        if at % DAY_US:
            raise InvalidInput(
                "Sums cover whole UTC days. Give a day such as 2026-06-13.", param=param
            )
    if not since < until <= since + GROUP_DAYS_MAX * DAY_US:
        raise InvalidInput(f"Sums cover 1 to {GROUP_DAYS_MAX} days.", param="from")
    return UsageWanted(since=since, until=until, model=wanted.model, key_id=wanted.key_id)


def _moment(text: str | None, param: str) -> int | None:
    if text is not None and len(text) == _DATE_CHARACTERS:
        text += "T00:00:00Z"
    return time_us(text, param)


def _cursor(line: usage_report.UsageLine) -> str:
    at, line_id = line.place
    return f"{at}.{line_id}"


def _place_of(cursor: str | None) -> LineKey | None:
    if cursor is None:
        return None
    found = _PLACE.fullmatch(cursor)
    if found is None:
        raise UnknownCursor
    return int(found[1]), found[2]


class _UsedBatch:
    """Makes the answer of a batch, beside the references that were read."""

    __slots__ = ("_records", "_refused")

    def __init__(self, body: ReadBatch, refused: RefusedItems) -> None:
        self._records, self._refused = body.records, refused

    def __call__(self, used: UsedBatch) -> Answer:
        results = [self._verdict(index, verdict) for index, verdict in enumerate(used.verdicts)]
        return answer(codes.SUCCESS, UsageBatch.of_used(used, results), now_us=used.now_us)

    def _verdict(self, index: int, verdict: RecordVerdict) -> UsageVerdict:
        if not isinstance(verdict, DomainError):
            return UsageVerdict.of_charged(index, verdict)
        record = self._records[index]
        body = {} if record.record is None else msgspec.to_builtins(record.record)
        return UsageVerdict.of_refused(index, record.reference, self._refused.of(verdict, body))


def _used(used: Used) -> Answer:
    return answer(codes.SUCCESS, Usage.of(used), now_us=used.record.created_at)


USE: Final = Route(
    "POST",
    "/usage",
    use,
    "Charge credit for AI usage",
    scopes=("usage:write",),
    body=UsageBody,
    media="json_or_events",
    decode=decode,
    body_bytes_max=BULK_BODY_BYTES_MAX,
    description=(
        "One record: `credits` or `amount_micros` with a `description`, or `model` with"
        " `input_tokens`, `output_tokens` and perhaps `cached_tokens`, which the operator's price"
        " list prices (`GET /prices`). A repeated `reference` with the same words answers with the"
        " same charge; with others it is refused. Promotional credit goes first. A batch:"
        ' `{"records": […]}`, at most 1,000, each charged or refused by itself, in their order.'
        " CloudEvents are taken too, one or a batch: `data` is a record, `source` and `id` its"
        " reference."
    ),
    answers=(Outcome(200, Usage), Outcome(200, UsageBatch)),
    refuses=(
        codes.INSUFFICIENT_BALANCE,
        codes.AMOUNT_OUT_OF_RANGE,
        codes.DUPLICATE,
        codes.CAP_EXCEEDED,
    ),
)
USAGE: Final = Route(
    "GET",
    "/usage",
    list_usage,
    "What was used, newest first, or its sums by day, model or key",
    scopes=_READS,
    query=UsageQuery,
    description=(
        "Charges, captured holds at the time they were set aside, and what apps took. With"
        f" `group_by` the sums of whole UTC days, {GROUP_DAYS} unless `from` and `to` say others, at"
        f" most {GROUP_DAYS_MAX}. `format=csv` streams all of it."
    ),
    answers=(
        Outcome(200, Listing[UsageLine], media_types=(JSON, CSV)),
        Outcome(200, UsageGroups, media_types=(JSON, CSV)),
    ),
)
ROUTES = (USE, USAGE)
