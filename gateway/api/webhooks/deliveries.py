"""The delivery log: which event went to which endpoint, attempt by attempt; replay of one, and cancel."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import Meta

from billing.topups.queries import NO_KEY, SenderKey, sender_keys
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer, page
from gateway.answers.outcome import Listing, begun, exported, ok
from gateway.api.schemas.webhooks import (
    Attempt as AttemptShape,
    Delivery as DeliveryShape,
    DeliveryWithAttempts,
)
from gateway.http.acting import actor_of
from gateway.http.idempotency import run_once
from gateway.http.lists import ROWS_AT_ONCE, CsvPage, Export, csv_stream
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply, Route
from kernel.fields import ExportPage, Fields, ShortText, Time, time_us, word_of
from kernel.tenant import Tenant
from store.database import Transaction
from webhooks.deliveries import delivery as deliveries, log
from webhooks.deliveries.log import Attempt, Delivery, DeliveryPage
from webhooks.deliveries.log_page import DeliveryCursor, DeliveryFilter, place_of
from webhooks.events.event import EVENT_TYPES, check_type

_READ = ("webhooks:read",)
_WRITE = ("webhooks:write",)
_EXPORT = Export("deliveries", _READ, DeliveryShape.__struct_fields__)


class DeliveriesQuery(ExportPage, frozen=True, kw_only=True):
    status: (
        Annotated[
            ShortText, word_of(log.STATUSES), Meta(description="Only deliveries in this state.")
        ]
        | None
    ) = None
    endpoint_id: (
        Annotated[ShortText, Meta(description="Only deliveries to this endpoint.")] | None
    ) = None
    event_type: (
        Annotated[
            ShortText,
            word_of(EVENT_TYPES),
            Meta(description="Only deliveries of events of this type."),
        ]
        | None
    ) = None
    transaction_id: (
        Annotated[ShortText, Meta(description="Only deliveries about this top-up.")] | None
    ) = None
    created_after: Time | None = None
    created_before: Time | None = None


async def list_deliveries(call: RequestContext[Fields, DeliveriesQuery]) -> Reply:
    query, tenant = call.query, call.principal.tenant
    if query.event_type is not None:
        check_type(query.event_type, "event_type")
    wanted = DeliveryFilter(
        status=query.status,
        endpoint_id=query.endpoint_id,
        event_type=query.event_type,
        transaction_id=query.transaction_id,
        created_after=time_us(query.created_after, "created_after"),
        created_before=time_us(query.created_before, "created_before"),
    )

    async def read(before: DeliveryCursor | None, limit: int = ROWS_AT_ONCE) -> CsvPage:
        found, keys = await call.context.database.read(
            lambda tx: _with_keys(tx, tenant, wanted, before, limit)
        )
        shown = [
            DeliveryShape.of(one, keys.get(one.transaction_id, NO_KEY)) for one in found.deliveries
        ]
        return CsvPage(shown, found.next)

    before = place_of(query.cursor)
    if query.format != "json":
        return await csv_stream(call, _EXPORT, query.format, read, before)
    items, following = await read(before, query.limit)
    data = page(list(items), None if following is None else following.cursor())
    return answer(codes.SUCCESS, data, now_us=call.now_us)


async def _with_keys(
    tx: Transaction,
    tenant: Tenant,
    wanted: DeliveryFilter,
    before: DeliveryCursor | None,
    limit: int,
) -> tuple[DeliveryPage, Mapping[str | None, SenderKey]]:
    found = await log.list_deliveries(tx, tenant, wanted=wanted, before=before, limit=limit)
    return found, await _keys_of(tx, tenant, found.deliveries)


async def _keys_of(
    tx: Transaction, tenant: Tenant, shown: Iterable[Delivery]
) -> Mapping[str | None, SenderKey]:
    """The keys that sent the top-ups which these tell of, by the top-up."""
    return await sender_keys(tx, tenant, [one.transaction_id for one in shown])


async def show(call: RequestContext[Fields, Fields]) -> Answer:
    tenant, delivery_id = call.principal.tenant, call.params["delivery_id"]

    async def work(tx: Transaction) -> tuple[Delivery, SenderKey, list[Attempt]]:
        found = await log.get_delivery(tx, tenant, delivery_id)
        keys = await _keys_of(tx, tenant, [found])
        key = keys.get(found.transaction_id, NO_KEY)
        return found, key, await log.attempts_of(tx, tenant, delivery_id)

    found, key, attempts = await call.context.database.read(work)
    shown = [AttemptShape.of(one) for one in attempts]
    data = DeliveryWithAttempts.of(found, key, attempts=shown)
    return answer(codes.SUCCESS, data, now_us=call.now_us, transaction_id=found.transaction_id)


async def replay(call: RequestContext[Fields, Fields]) -> Answer:
    """A new delivery of the same event; 202, since it goes out by itself."""
    tenant, delivery_id, now_us = call.principal.tenant, call.params["delivery_id"], call.now_us

    async def work(tx: Transaction) -> tuple[Delivery, SenderKey]:
        new_id = await deliveries.replay(tx, tenant, delivery_id, now_us=now_us)
        new = await log.get_delivery(tx, tenant, new_id)
        keys = await _keys_of(tx, tenant, [new])
        return new, keys.get(new.transaction_id, NO_KEY)

    def render(made: tuple[Delivery, SenderKey]) -> Answer:
        new, key = made
        return answer(
            codes.SUCCESS,
            DeliveryShape.of(new, key),
            now_us=now_us,
            http_status=202,
            transaction_id=new.transaction_id,
        )

    return await run_once(call, work, render)


async def cancel(call: RequestContext[Fields, Fields]) -> Answer:
    """Ends one that waits for its next attempt; a second cancel changes nothing."""
    tenant, delivery_id, now_us = call.principal.tenant, call.params["delivery_id"], call.now_us

    async def work(tx: Transaction) -> tuple[Delivery, SenderKey]:
        await deliveries.cancel(tx, tenant, delivery_id, by=actor_of(call), now_us=now_us)
        ended = await log.get_delivery(tx, tenant, delivery_id)
        keys = await _keys_of(tx, tenant, [ended])
        return ended, keys.get(ended.transaction_id, NO_KEY)

    def render(found: tuple[Delivery, SenderKey]) -> Answer:
        ended, key = found
        return answer(
            codes.SUCCESS,
            DeliveryShape.of(ended, key),
            now_us=now_us,
            transaction_id=ended.transaction_id,
        )

    return await run_once(call, work, render)


ROUTES = (
    Route(
        "GET",
        "/deliveries",
        list_deliveries,
        "List deliveries",
        _READ,
        query=DeliveriesQuery,
        answers=exported(Listing[DeliveryShape]),
    ),
    Route(
        "GET",
        "/deliveries/{delivery_id}",
        show,
        "Show a delivery with its attempts",
        _READ,
        answers=ok(DeliveryWithAttempts),
    ),
    Route(
        "POST",
        "/deliveries/{delivery_id}/replay",
        replay,
        "Replay a delivery",
        _WRITE,
        description="A new delivery of the same event: same id, same body, a fresh signature.",
        answers=begun(DeliveryShape),
    ),
    Route(
        "POST",
        "/deliveries/{delivery_id}/cancel",
        cancel,
        "Cancel a delivery",
        _WRITE,
        description="Ends one that waits for its next attempt: it is not sent any more, and an ordered webhook goes"
        " on with what waited for it. 3004 where it has ended otherwise (`reason`: `delivered`, `failed`) or an"
        " attempt is under way (`sending`: ask again after it). It can be replayed later.",
        answers=ok(DeliveryShape),
        refuses=(codes.ALREADY_SETTLED,),
    ),
)
