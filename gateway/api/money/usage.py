"""Usage: charge credit for AI usage, by amount or by tokens at the operator's prices.

Each record is parsed strictly. In a batch, each is parsed separately. A CloudEvent's source and id form its
reference.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, cast
from urllib.parse import unquote

import msgspec
from msgspec import Meta

from billing.reports.usage_acts import (
    LIST,
    READS,
    UsageGroup,
    UsageGroups,
    UsageLine,
    UsageQuery,
    whole_days,
)
from billing.reports.usage_report import UsageBy, UsageSum, usage_sums
from billing.usage.usage import (
    RECORDS_MAX,
    RecordVerdict,
    UsageItem,
    Used,
    UsedBatch,
    new_usage,
    new_usage_batch,
)
from billing.usage.usage_acts import CHARGE, Usage, UsageBatch, UsageRecordBody, UsageVerdict
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import CSV, JSON, Outcome
from gateway.http.acts import list_reply, own_route
from gateway.http.body import EVENT, EVENTS, media_type_of
from gateway.http.fields import Shape, parse
from gateway.http.lists import Export, short_csv, short_list
from gateway.http.refused_items import ItemProblem, RefusedItems, problem_of_item, reference_in
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.clock import rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.fields import LINE, Fields, LooseFields
from kernel.limits import BULK_BODY_BYTES_MAX, REFERENCE_CHARACTERS_MAX
from kernel.refused import Failure
from kernel.shaped import Listing
from store.database import Transaction

# A URI reference contains no space, so a space can separate source and id.
_EventSource = Annotated[str, Meta(min_length=1, max_length=2048, pattern=r"^[!-~]+\Z")]
_EventWord = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]


class ReadRecord(msgspec.Struct, frozen=True, kw_only=True):
    record: UsageRecordBody | None = None
    problem: ItemProblem | None = None
    reference: str | None = None

    @property
    def item(self) -> UsageItem | DomainError:
        if self.record is None:
            assert self.problem is not None, "a record is read, or it is said why not"
            return self.problem.refusal()
        try:
            return self.record.item()
        except DomainError as refusal:
            return refusal


class ReadBatch(Fields, frozen=True, kw_only=True):
    records: list[ReadRecord]

    @property
    def records_in_call(self) -> int:
        return len(self.records)


class _Event(LooseFields, frozen=True, kw_only=True):
    """A CloudEvent. Other attributes are ignored."""

    specversion: Literal["1.0"]
    id: _EventWord
    source: _EventSource
    type: _EventWord
    data: UsageRecordBody

    def record(self) -> UsageRecordBody:
        if self.data.reference is not None:
            raise InvalidInput(
                "Omit `reference`: an event's source and id form its reference.", param="reference"
            )
        reference = f"{self.source} {self.id}"
        if len(reference) > REFERENCE_CHARACTERS_MAX:
            most = REFERENCE_CHARACTERS_MAX - 1
            raise InvalidInput(
                f"`source` and `id` together can have at most {most} characters.", param="id"
            )
        return msgspec.structs.replace(self.data, reference=reference)


class _Outer(Fields, frozen=True, kw_only=True):
    """A batch with its records removed, because they are parsed one by one."""

    records: Annotated[list[Any], Meta(max_length=0)]


class _Records(msgspec.Struct):
    records: msgspec.Raw


_record: Final = Shape(UsageRecordBody)
_event: Final = Shape(_Event)
_outer: Final = Shape(_Outer)
_find_records: Final = msgspec.json.Decoder(_Records).decode
_split: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode(
    raw: bytes,
    headers: Mapping[bytes, bytes],
    query: Fields,  # noqa: ARG001 the route has none
    environment: str | None,
) -> Fields:
    kind = media_type_of(headers, "json_or_events")
    if kind == EVENTS:
        return ReadBatch(records=[_of_event(part, environment) for part in _parts(raw)])
    if kind == EVENT:
        return _event.decode(raw, environment).record()
    if b"ce-specversion" in headers:
        return _binary(raw, headers, environment).record()
    if raw[:1] == b"[":
        raise InvalidInput('Send a batch as {"records": [ … ]}.', param="records")
    text = _records_in(raw)
    if text is None:
        return _record.decode(raw, environment)
    _outer.decode(raw.replace(text, b"[]", 1), environment)
    return ReadBatch(records=[_of_part(part, environment) for part in _parts(text)])


def _records_in(raw: bytes) -> bytes | None:
    try:
        return bytes(_find_records(raw).records)
    except _UNREADABLE:
        return None


def _parts(text: bytes) -> Sequence[bytes]:
    try:
        parts = _split(text)
    except _UNREADABLE:
        parse(text)
        raise InvalidInput("`records` must be a list of records.", param="records") from None
    if not 1 <= len(parts) <= RECORDS_MAX:
        raise InvalidInput(f"A batch must have 1 to {RECORDS_MAX} records.", param="records")
    return [bytes(one) for one in parts]


def _of_part(part: bytes, environment: str | None) -> ReadRecord:
    try:
        record = _record.decode(part, environment)
    except DomainError as error:
        return ReadRecord(problem=problem_of_item(error), reference=reference_in(part))
    return ReadRecord(record=record, reference=record.reference)


def _of_event(part: bytes, environment: str | None) -> ReadRecord:
    try:
        record = _event.decode(part, environment).record()
    except DomainError as error:
        return ReadRecord(problem=problem_of_item(error))
    return ReadRecord(record=record, reference=record.reference)


def _binary(raw: bytes, headers: Mapping[bytes, bytes], environment: str | None) -> _Event:
    """Parse a CloudEvent whose attributes are in headers and whose data is the body."""
    found: dict[str, Any] = {}
    for name in ("specversion", "id", "source", "type"):
        value = headers.get(f"ce-{name}".encode())
        if value is None:
            raise InvalidInput("is required", param=f"ce-{name}")
        try:
            found[name] = unquote(value.decode("ascii"), errors="strict")
        except UnicodeDecodeError:
            raise InvalidInput(
                "The header's value must be percent-encoded UTF-8.", param=f"ce-{name}"
            ) from None
    # Parse the body separately, so that errors name `model` and not `data.model`.
    data = _record.decode(raw, environment)
    return msgspec.structs.replace(_event.of_texts({**found, "data": {}}, environment), data=data)


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
    by = call.query.group_by
    return await (list_reply(LIST, call) if by is None else _grouped(call, by))


async def _grouped(call: RequestContext[Fields, UsageQuery], by: UsageBy) -> Reply:
    wanted, tenant = whole_days(call.query, call.now_us), call.principal.tenant

    async def work(tx: Transaction) -> tuple[list[UsageGroup], UsageSum | None]:
        sums = await usage_sums(tx, tenant, wanted, by)
        total = await usage_sums(tx, tenant, wanted)
        return [UsageGroup.of_sum(one) for one in sums], total[0] if total else None

    groups, total = await call.context.database.read(work)
    if call.query.format != "json":
        export = Export(f"usage-by-{by}", READS, UsageGroup.__struct_fields__)
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


class _UsedBatch:
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
        refusal = self._refused.of(verdict, body)
        return UsageVerdict(
            index=index,
            status="refused",
            reference=record.reference,
            code=refusal.code.code,
            message=refusal.message,
            error=cast(Failure, refusal.error),
        )


def _used(used: Used) -> Answer:
    return answer(codes.SUCCESS, Usage.of(used), now_us=used.record.created_at)


USE: Final = own_route(
    CHARGE,
    use,
    (Outcome(200, Usage), Outcome(200, UsageBatch)),
    media="json_or_events",
    decode=decode,
    body_bytes_max=BULK_BODY_BYTES_MAX,
)
USAGE: Final = Route(
    "GET",
    LIST.path,
    list_usage,
    LIST.summary,
    READS,
    query=UsageQuery,
    description=LIST.description,
    answers=(
        Outcome(200, Listing[UsageLine], media_types=(JSON, CSV)),
        Outcome(200, UsageGroups, media_types=(JSON, CSV)),
    ),
)
ROUTES = (USE, USAGE)
