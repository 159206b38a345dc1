"""Bulk sends: many top-ups in one call. Items are accepted or refused separately, or all together.

Each item is parsed separately, and as strictly as the body of a single send.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, cast

import msgspec
from msgspec import UNSET, Meta, Struct

from billing.bulk import batch as batches, item as items
from billing.bulk.acts import (
    READS,
    SEND,
    SHOW,
    BulkItem,
    BulkQuery,
    CountedBatch,
    ItemQuery,
    count,
)
from billing.bulk.batch import ITEMS_MAX, SendBatch
from billing.bulk.item import BatchItem, ListedItem
from billing.bulk.runner import BatchRunner, Bulk, BulkLine
from billing.bulk.views import (
    AcceptedBatch,
    BatchLine,
    BatchStory,
    BulkQuote,
    ItemError,
    RefusedBatch,
    RefusedBulk,
)
from billing.topups.send_acts import request_of
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import Outcome, begun, exported
from gateway.answers.refusals import Refusal
from gateway.answers.words import API_PREFIX
from gateway.http.acts import context_of, own_route
from gateway.http.body import CSV, has_control, media_type_of
from gateway.http.errors import doc_url
from gateway.http.fields import Shape, Unreadable, shown
from gateway.http.idempotency import run_steps
from gateway.http.lists import ROWS_AT_ONCE, CsvPage, Export, csv_stream, listing
from gateway.http.refused_items import (
    ItemProblem,
    RefusedItems,
    problem_of_item,
    reference_in,
    shown_reference,
)
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.http.waiting import POLL_S
from kernel.clock import time_of
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.limits import BULK_BODY_BYTES_MAX
from kernel.refused import Failure
from kernel.words import Link
from keys.act import CallContext
from store.database import Transaction

_SEND: Final = "/topup/send"
_METADATA_COLUMN: Final = "metadata."
_BYTE_ORDER_MARK: Final = "\ufeff"
_DELIMITERS: Final = ",;\t"
_ITEMS_EXPORT: Final = Export(
    "batch-items",
    READS,
    (
        *(
            "index",
            "reference",
            "status",
            "transaction_id",
            "platform",
            "amount_cents",
            "fee_cents",
        ),
        *("recipient_email", "scheduled_for", "code", "error.detail", "error.param"),
    ),
)


class ReadItem(msgspec.Struct, frozen=True, kw_only=True):
    item: BulkItem | None = None
    problem: ItemProblem | None = None
    reference: str | None = None
    line: int | None = None


class ReadBulk(Fields, frozen=True, kw_only=True):
    items: list[ReadItem]
    all_or_nothing: bool
    dry_run: bool

    @property
    def records_in_call(self) -> int:
        return len(self.items)


class _Outer(Fields, frozen=True, kw_only=True):
    """The body with its items removed, because they are parsed one by one."""

    items: Annotated[list[Any], Meta(max_length=0)]
    all_or_nothing: bool = False
    dry_run: bool = False


class _Items(msgspec.Struct):
    items: msgspec.Raw


_outer: Final = Shape(_Outer)
_item: Final = Shape(BulkItem)
_find_items: Final = msgspec.json.Decoder(_Items).decode
_split_items: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_COLUMNS: Final = tuple(
    field.encode_name
    for field in msgspec.structs.fields(BulkItem)
    if field.encode_name != "metadata"
)


def decode(
    raw: bytes, headers: Mapping[bytes, bytes], query: Fields, environment: str | None
) -> Fields:
    assert isinstance(query, BulkQuery), "the route's own query"
    if media_type_of(headers, "json_or_csv") == CSV:
        items, outer = list(_of_csv(raw, environment)), None
    else:
        items, outer = _of_json(raw, environment)
    if not items:
        raise InvalidInput("The list must have at least one item.", param="items")
    return ReadBulk(
        items=items,
        all_or_nothing=_option(
            of_query=query.all_or_nothing, of_body=outer is not None and outer.all_or_nothing
        ),
        dry_run=_option(of_query=query.dry_run, of_body=outer is not None and outer.dry_run),
    )


def _option(*, of_query: bool | None, of_body: bool) -> bool:
    return of_body if of_query is None else of_query


def _of_json(raw: bytes, environment: str | None) -> tuple[list[ReadItem], _Outer]:
    try:
        text = bytes(_find_items(raw).items)
        parts = _split_items(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return [], _outer.decode(raw, environment)
    # The rest is parsed strictly. A second list of items is refused as a repeated field.
    outer = _outer.decode(raw.replace(text, b"[]", 1), environment)
    if len(parts) > ITEMS_MAX:
        raise _too_many()
    return [_of_part(bytes(part), environment) for part in parts], outer


def _of_part(part: bytes, environment: str | None) -> ReadItem:
    try:
        item = _item.decode(part, environment)
    except DomainError as error:
        return ReadItem(problem=problem_of_item(error), reference=reference_in(part))
    return ReadItem(item=item, reference=item.reference)


def _of_csv(raw: bytes, environment: str | None) -> Iterator[ReadItem]:
    try:
        text = raw.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise Unreadable(f"The body is not UTF-8 at byte {error.start}.") from None
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number, line = 0, 1
    try:
        columns = _columns(next(rows, []))
        line = rows.line_num + 1
        for row in rows:
            if any(cell.strip() for cell in row):
                number += 1
                if number > ITEMS_MAX:
                    raise _too_many()
                yield _of_row(columns, row, line, environment)
            line = rows.line_num + 1
    except csv.Error as error:
        raise Unreadable(f"The CSV can't be parsed at line {line}: {error}.") from None


def _columns(header: Sequence[str]) -> list[str]:
    columns = [name.strip() for name in header]
    for name in columns:
        is_known = name in _COLUMNS or name.startswith(_METADATA_COLUMN)
        if not is_known:
            raise InvalidInput(
                f"The first line must name the columns. Possible names are {', '.join(_COLUMNS)} and metadata.KEY.",
                param=shown(name) or "items",
            )
    if len(set(columns)) != len(columns):
        raise InvalidInput("The CSV's first line contains a column twice.", param="items")
    return columns


def _of_row(
    columns: Sequence[str], row: Sequence[str], line: int, environment: str | None
) -> ReadItem:
    cells = {name: cell.strip() for name, cell in zip(columns, row, strict=False) if cell.strip()}
    reference = shown_reference(cells.get("reference"))
    try:
        if len(row) > len(columns):
            raise InvalidInput(
                f"The line has {len(row)} values, but there are {len(columns)} columns."
            )
        for name, cell in cells.items():
            if has_control(cell):
                raise InvalidInput("The value contains control characters.", param=shown(name))
        item = _item.of_texts(_values(cells), environment)
    except DomainError as error:
        return ReadItem(problem=problem_of_item(error), reference=reference, line=line)
    return ReadItem(item=item, reference=item.reference, line=line)


def _values(cells: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, cell in cells.items():
        if name.startswith(_METADATA_COLUMN):
            values.setdefault("metadata", {})[name.removeprefix(_METADATA_COLUMN)] = cell
        else:
            values[name] = cell
    return values


def _too_many() -> InvalidInput:
    return InvalidInput(f"A bulk send can have at most {ITEMS_MAX} items. Split it.", param="items")


async def send_bulk(call: RequestContext[ReadBulk, BulkQuery]) -> Answer:
    principal, context = call.principal, context_of(SEND, call)
    bulk = Bulk(
        principal.tenant,
        principal.lineage,
        [_bulk_line(context, one) for one in call.body.items],
        call.body.all_or_nothing,
        call.request_digest,
        principal.sender,
    )
    if call.body.dry_run:
        return await _rehearse(call, bulk)

    async def steps() -> Answer:
        batch = await _runner(call).accept(bulk)
        return await _accepted(call, batch)

    return _with_links(call, await run_steps(call.context, principal, call.request_key, steps))


async def show(call: RequestContext[Fields, ItemQuery]) -> Reply:
    query = call.query
    if query.format != "json":
        return await _items_as_csv(call)

    async def work(tx: Transaction) -> tuple[CountedBatch, list[ListedItem]]:
        counted = await _find(tx, call)
        listed = await items.page(
            tx,
            counted.batch.id,
            status=query.status,
            after=-1 if query.cursor is None else int(query.cursor),
            limit=query.limit + 1,
        )
        return counted, listed

    counted, listed = await call.context.database.read(work)
    refused = RefusedItems(call, _SEND)
    shown = listing(
        listed,
        query.limit,
        shape=lambda one: _line_of(one, refused.refusal_of(one.item)),
        cursor=lambda one: str(one.item.number),
    )
    return answer(codes.SUCCESS, BatchStory.with_counts(*counted, items=shown), now_us=call.now_us)


async def _items_as_csv(call: RequestContext[Fields, ItemQuery]) -> Reply:
    refused = RefusedItems(call, _SEND)

    async def read(after: int | None) -> CsvPage:
        async def work(tx: Transaction) -> list[ListedItem]:
            counted = await _find(tx, call)
            return await items.page(
                tx,
                counted.batch.id,
                status=call.query.status,
                after=-1 if after is None else after,
                limit=ROWS_AT_ONCE,
            )

        listed = await call.context.database.read(work)
        has_more = len(listed) == ROWS_AT_ONCE
        rows = [_line_of(one, refused.refusal_of(one.item)) for one in listed]
        return CsvPage(rows, listed[-1].item.number if has_more else None)

    cursor = call.query.cursor
    first = None if cursor is None else int(cursor)
    return await csv_stream(call, _ITEMS_EXPORT, call.query.format, read, first)


def _runner(call: RequestContext[Any, Any]) -> BatchRunner:
    return BatchRunner(call.context.database, call.context.clock, call.context.engine)


def _bulk_line(context: CallContext, one: ReadItem) -> BulkLine:
    item = one.item
    if item is None:
        assert one.problem is not None, "an item is read, or it is said why not"
        return BulkLine(one.problem.refusal(), one.reference)
    try:
        return BulkLine(request_of(context, item, item.quote_id, item.intent), one.reference)
    except DomainError as refusal:
        return BulkLine(refusal, one.reference)


def _item_error(
    index: int, reference: str | None, refusal: Refusal, line: int | None = None
) -> ItemError:
    return ItemError(
        index=index,
        reference=reference,
        code=refusal.code.code,
        message=refusal.message,
        error=cast(Failure, refusal.error),
        line=UNSET if line is None else line,
        transaction_id=refusal.transaction_id or UNSET,
    )


def _line_of(listed: ListedItem, refusal: Refusal | None) -> BatchLine:
    item, topup_status = listed
    state = "waiting" if item.state == "reserved" else item.state
    request = item.request
    return BatchLine(
        index=item.number,
        reference=item.reference,
        status=cast(Any, topup_status or state),
        transaction_id=None if topup_status is None else item.transaction_id,
        platform=None if request is None else request.platform,
        amount_cents=None if request is None else request.amount_cents,
        fee_cents=None if request is None else request.fee_cents,
        recipient_email=None if request is None else request.recipient_email,
        scheduled_for=None if request is None else time_of(request.send_at),
        code=None if refusal is None else refusal.code.code,
        error=None if refusal is None else cast(Failure, refusal.error),
    )


async def _rehearse(call: RequestContext[ReadBulk, BulkQuery], bulk: Bulk) -> Answer:
    quote = await _runner(call).rehearse(bulk)
    read, told = call.body.items, RefusedItems(call, _SEND)
    errors = [
        _item_error(
            number,
            read[number].reference,
            told.of(error, _fields_of(read[number])),
            read[number].line,
        )
        for number, error in sorted(quote.refused.items())
    ]
    data = BulkQuote(
        items_total=len(read),
        accepted=len(read) - len(errors),
        refused=len(errors),
        accepted_cents=quote.accepted_cents,
        fee_cents=quote.fee_cents,
        charged_cents=quote.accepted_cents + quote.fee_cents,
        wallet_balance_cents=quote.wallet_balance_cents,
        wallet_balance_after_cents=quote.wallet_balance_after_cents,
        errors=errors,
    )
    if len(errors) == len(read) or (errors and bulk.is_all_or_nothing):
        return _none_accepted(call, errors, len(read), data)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


async def _accepted(call: RequestContext[ReadBulk, BulkQuery], batch: SendBatch) -> Answer:
    async def work(tx: Transaction) -> tuple[list[CountedBatch], list[BatchItem]]:
        return await count(tx, [batch]), await items.refused(tx, batch.id)

    (counted,), refused = await call.context.database.read(work)
    errors, told = [], RefusedItems(call, _SEND)
    for one in refused:
        read = call.body.items[one.number]
        refusal = told.refusal_of(one, _fields_of(read))
        assert refusal is not None, "a refused item says why"
        errors.append(_item_error(one.number, one.reference, refusal, read.line))
    if counted.counts.refused and not counted.counts.accepted and not counted.counts.waiting:
        return _none_accepted(call, errors, batch.items, RefusedBatch.of(*counted))
    if counted.batch.completed_at is not None:
        data = AcceptedBatch.with_counts(
            *counted, errors=errors, next_action="fix_request" if errors else None
        )
    else:
        api = f"{call.home}{API_PREFIX}/batches/{batch.id}"
        links = [
            Link(rel="poll", method="GET", href=api),
            Link(rel="cancel", method="POST", href=f"{api}/cancel"),
        ]
        data = AcceptedBatch.with_counts(*counted, errors=errors, next_action="poll", links=links)
    return answer(codes.SUCCESS, data, now_us=call.now_us, http_status=202)


def _none_accepted(
    call: RequestContext[Any, Any],
    errors: list[ItemError],
    total: int,
    about: BulkQuote | RefusedBatch,
) -> Answer:
    """Return a 422 response. If all items failed with the same code, next_action and links belong to that code."""
    told = [cast(Mapping[str, Any], one.error) for one in errors]
    actions = {one["next_action"] for one in told} if len({one.code for one in errors}) == 1 else ()
    is_shared = len(actions) == 1
    url = doc_url(call.home, errors[0].code if is_shared else codes.NONE_ACCEPTED)
    guide = Link(rel="guide", method="GET", href=url)
    batch = about if isinstance(about, RefusedBatch) else None
    quote = about if isinstance(about, BulkQuote) else None
    verb = "would be" if batch is None else "was"
    again = "" if batch is None else " Fix them, and use a new Idempotency-Key."
    error = Failure(
        detail=f"No item {verb} accepted: `errors` says why for {len(errors)} of {total}.{again}",
        param=None,
        retryable=False,
        retry_after_s=None,
        next_action=told[0]["next_action"] if is_shared else "fix_request",
        doc_url=url,
        links=told[0].get("links", [guide]) if is_shared else [guide],
    )
    data = RefusedBulk(items_total=total, errors=errors, error=error, batch=batch, quote=quote)
    return answer(codes.NONE_ACCEPTED, data, now_us=call.now_us)


def _fields_of(read: ReadItem) -> Mapping[str, Any]:
    return {} if read.item is None else msgspec.to_builtins(read.item)


class _Named(Struct):
    id: str


class _Batch(Struct):
    id: str | None = None
    next_action: str | None = None
    batch: _Named | None = None


class _Said(Struct):
    """The part of a stored response that determines the headers when the call is repeated."""

    data: _Batch


_read_said: Final = msgspec.json.Decoder(_Said).decode


def _with_links(call: RequestContext[ReadBulk, BulkQuery], given: Answer) -> Answer:
    said = _read_said(given.body).data
    batch_id = said.id if said.batch is None else said.batch.id
    location = f"{call.home}{API_PREFIX}/batches/{batch_id}"
    call.reply_headers.append((b"location", location.encode()))
    if said.next_action is not None:
        call.reply_headers.append((b"retry-after", b"%d" % POLL_S))
    return given


async def _find(tx: Transaction, call: RequestContext[Any, Any]) -> CountedBatch:
    batch_id = call.params["batch_id"]
    found = (await batches.load(tx, [batch_id])).get(batch_id)
    if found is None or found.tenant != call.principal.tenant:
        raise NotFound("Batch", param="batch_id")
    (counted,) = await count(tx, [found])
    return counted


BULK: Final = own_route(
    SEND,
    send_bulk,
    (
        *begun(AcceptedBatch),
        Outcome(200, BulkQuote),
        Outcome(422, RefusedBulk, (codes.NONE_ACCEPTED,)),
    ),
    BulkQuery,
    media="json_or_csv",
    decode=decode,
    body_bytes_max=BULK_BODY_BYTES_MAX,
)
BATCH: Final = own_route(SHOW, show, exported(BatchStory))
ROUTES = (BULK, BATCH)
