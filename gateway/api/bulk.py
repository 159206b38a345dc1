"""Bulk sends: many top-ups in one call, each accepted or refused by itself, or all or nothing."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta, Struct

from billing.bulk import batch as batches, item as items
from billing.bulk.acts import CountedBatch, count
from billing.bulk.batch import SendBatch
from billing.bulk.item import BatchItem, ListedItem
from billing.bulk.runner import BatchRunner, Bulk, BulkLine
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer, listing
from gateway.answers.outcome import Outcome, begun, exported
from gateway.answers.refused import Failure
from gateway.answers.words import API_PREFIX
from gateway.api.bodies.bulk_body import BulkBody, BulkQuery, ReadBulk, ReadItem, decode
from gateway.api.schemas.batches import (
    AcceptedBatch,
    BatchLine,
    BatchStory,
    BulkQuote,
    ItemError,
    RefusedBatch,
    RefusedBulk,
)
from gateway.api.topups import request_of
from gateway.http.errors import doc_url
from gateway.http.idempotency import run_steps
from gateway.http.lists import ROWS_AT_ONCE, CsvPage, Export, csv_stream
from gateway.http.refused_items import RefusedItems
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from gateway.http.waiting import POLL_S
from kernel.errors import DomainError, NotFound
from kernel.fields import ExportPage, Fields
from kernel.limits import BULK_BODY_BYTES_MAX
from kernel.words import Link
from store.database import Transaction

_SEND: Final = "/topup/send"
_READS: Final = ("topup:read",)
_ITEMS_EXPORT: Final = Export(
    "batch-items",
    _READS,
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


class ItemQuery(ExportPage, frozen=True, kw_only=True):
    """Which items of a batch."""

    status: (
        Literal[
            "waiting",
            "refused",
            "dropped",
            "scheduled",
            "pending",
            "delivered",
            "failed",
            "cancelled",
            "reversing",
            "reversed",
        ]
        | None
    ) = None
    cursor: Annotated[str, Meta(pattern=r"^[0-9]{1,4}\Z")] | None = None


async def send_bulk(call: RequestContext[ReadBulk, BulkQuery]) -> Answer:
    """Accept the items in steps; respond when each is durably accepted or refused."""
    principal = call.principal
    bulk = Bulk(
        principal.tenant,
        principal.lineage,
        [_line(call, one) for one in call.body.items],
        call.body.all_or_nothing,
        call.request_digest,
        principal.sender,
    )
    if call.body.dry_run:
        return await _rehearse(call, bulk)

    async def steps() -> Answer:
        batch = await _runner(call).accept(bulk)
        return await _accepted(call, batch)

    return _told(call, await run_steps(call.context, principal, call.request_key, steps))


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
        shape=lambda one: BatchLine.of(one, refused.kept(one.item)),
        cursor=lambda one: str(one.item.number),
    )
    return answer(codes.SUCCESS, BatchStory.with_counts(*counted, items=shown), now_us=call.now_us)


async def _items_as_csv(call: RequestContext[Fields, ItemQuery]) -> Reply:
    """Write them in the order in which they came."""
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
        rows = [BatchLine.of(one, refused.kept(one.item)) for one in listed]
        return CsvPage(rows, listed[-1].item.number if has_more else None)

    cursor = call.query.cursor
    first = None if cursor is None else int(cursor)
    return await csv_stream(call, _ITEMS_EXPORT, call.query.format, read, first)


def _runner(call: RequestContext[Any, Any]) -> BatchRunner:
    return BatchRunner(call.context.database, call.context.clock, call.context.engine)


def _line(call: RequestContext[Any, Any], one: ReadItem) -> BulkLine:
    if one.item is None:
        assert one.problem is not None, "an item is read, or it is said why not"
        return BulkLine(one.problem.refusal(), one.reference)
    try:
        return BulkLine(
            request_of(call, one.item, one.item.quote_id, one.item.intent), one.reference
        )
    except DomainError as refusal:
        return BulkLine(refusal, one.reference)


async def _rehearse(call: RequestContext[ReadBulk, BulkQuery], bulk: Bulk) -> Answer:
    quote = await _runner(call).rehearse(bulk)
    read, told = call.body.items, RefusedItems(call, _SEND)
    errors = [
        ItemError.of(
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
        refusal = told.kept(one, _fields_of(read))
        assert refusal is not None, "a refused item says why"
        errors.append(ItemError.of(one.number, one.reference, refusal, read.line))
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
    """Return 422, with the remedy if the items' refusals share one code, else to fix each."""
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
    """Of what was accepted its id, of what was not its batch."""

    id: str | None = None
    next_action: str | None = None
    batch: _Named | None = None


class _Said(Struct):
    """What is read of an answer, so that a repeated one has the same headers."""

    data: _Batch


_read_said: Final = msgspec.json.Decoder(_Said).decode


def _told(call: RequestContext[ReadBulk, BulkQuery], given: Answer) -> Answer:
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


BULK: Final = Route(
    "POST",
    "/topup/bulk",
    send_bulk,
    "Send many top-ups in one call",
    scopes=("topup:send",),
    body=BulkBody,
    query=BulkQuery,
    media="json_or_csv",
    decode=decode,
    body_bytes_max=BULK_BODY_BYTES_MAX,
    description=(
        "At most 1,000 items, each with a `reference` of its own: as JSON, or as CSV"
        " (`Content-Type: text/csv`, the names of the fields in the first line; metadata as"
        " `metadata.name`). Each item is accepted or refused by itself, with the code and the"
        " error of a send; with `all_or_nothing` none is accepted where one is refused. The"
        " answer comes when all of that is kept; give an Idempotency-Key, and a repeated call"
        " sends nothing twice, nor does an item whose `intent` names a top-up already: it is refused with"
        " that one's id. If nothing was accepted, the answer is 422 with 3010. With `dry_run` nothing is"
        " written: 200, and what it would cost."
    ),
    answers=(
        *begun(AcceptedBatch),
        Outcome(200, BulkQuote),
        Outcome(422, RefusedBulk, (codes.NONE_ACCEPTED,)),
    ),
)
BATCH: Final = Route(
    "GET",
    "/batches/{batch_id}",
    show,
    "A bulk send with its items",
    scopes=("topup:read",),
    query=ItemQuery,
    answers=exported(BatchStory),
)
ROUTES = (BULK, BATCH)
