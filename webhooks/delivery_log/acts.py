"""The delivery log: which event went to which endpoint, attempt by attempt; sent again and cancelled one by one."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Annotated, Any, Final, cast

from msgspec import Meta

from kernel.errors import NotFound
from kernel.fields import ExportPage, Fields, ShortText, Time, time_us, word_of
from kernel.tenant import Tenant
from keys.act import Act, ActContext, Audited, Change, ListAct, ReadAct
from store.database import Transaction
from store.keyset import Begin, ListStretch
from webhooks.deliveries import delivery as deliveries, log
from webhooks.deliveries.delivery import CannotCancel
from webhooks.deliveries.log import Delivery
from webhooks.deliveries.log_page import DeliveryFilter, place_of
from webhooks.delivery_log import views
from webhooks.delivery_log.views import Attempt, DeliveryWithAttempts
from webhooks.events.event import EVENT_TYPES, check_type

_READ: Final = ("webhooks:read",)
_WRITE: Final = ("webhooks:write",)
_OWNER: Final = "SELECT account_id, environment FROM deliveries WHERE id = :id"
_NO_KEY: Final = (None, None)


@dataclass(frozen=True, slots=True)
class Senders:
    """What billing knows of top-ups. keys: gives the id and the name of the key that sent each."""

    keys: Callable[
        [Transaction, Tenant, Iterable[str | None]],
        Awaitable[Mapping[str | None, tuple[str | None, str | None]]],
    ]


class DeliveriesQuery(ExportPage, frozen=True, kw_only=True):
    """Which deliveries."""

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


async def owner_of(tx: Transaction, delivery_id: str) -> Tenant:
    row = await tx.fetch_one(_OWNER, id=delivery_id)
    if row is None:
        raise NotFound("Delivery")
    return Tenant(row["account_id"], row["environment"])


async def list_deliveries(
    context: ActContext, asked: DeliveriesQuery, begin: Begin, limit: int
) -> Sequence[Delivery]:
    if asked.event_type is not None:
        check_type(asked.event_type, "event_type")
    wanted = DeliveryFilter(
        status=asked.status,
        endpoint_id=asked.endpoint_id,
        event_type=asked.event_type,
        transaction_id=asked.transaction_id,
        created_after=time_us(asked.created_after, "created_after"),
        created_before=time_us(asked.created_before, "created_before"),
    )
    found = await log.list_deliveries(
        context.tx,
        context.tenant,
        wanted=wanted,
        before=place_of(cast(str | None, begin)),
        limit=limit,
    )
    shown = await _with_keys(context, found.deliveries)
    return ListStretch(shown, None if found.next is None else found.next.cursor())


async def show(context: ActContext) -> DeliveryWithAttempts:
    """Return one delivery with its attempts; an operator also sees their reasons. Raises NotFound."""
    found = await _get(context, context.object_id)
    attempts = await log.attempts_of(context.tx, context.tenant, found.id)
    if context.asker is None:
        shown = [Attempt.of(one, reason=one.reason) for one in attempts]
    else:
        shown = [Attempt.of(one) for one in attempts]
    return DeliveryWithAttempts.of(found, attempts=shown)


async def replay(context: ActContext, _asked: Fields) -> Change[Delivery]:
    """Make a new delivery of the same event, due now; raise NotFound."""
    tx, tenant, now_us = context.tx, context.tenant, context.now_us
    new_id = await deliveries.replay(tx, tenant, context.object_id, now_us=now_us)
    return Change(after=await _get(context, new_id))


async def cancel(context: ActContext, _asked: Fields) -> Change[Delivery]:
    before = await _get(context, context.object_id)
    await deliveries.cancel(context.tx, context.tenant, before.id, now_us=context.now_us)
    return Change(before=before, after=await _get(context, before.id))


async def _get(context: ActContext, delivery_id: str) -> Delivery:
    found = await log.get_delivery(context.tx, context.tenant, delivery_id)
    return (await _with_keys(context, [found]))[0]


async def _with_keys(context: ActContext, found: Sequence[Delivery]) -> Sequence[Delivery]:
    ids = [one.transaction_id for one in found]
    keys = await context.service(Senders).keys(context.tx, context.tenant, ids)
    of = [keys.get(one, _NO_KEY) for one in ids]
    return [
        replace(one, key_id=id_, key_name=name) for one, (id_, name) in zip(found, of, strict=True)
    ]


def _status(found: Delivery) -> Mapping[str, Any]:
    return {"status": found.status}


LIST: Final[ListAct[Any, Any]] = ListAct(
    name="deliveries.list",
    summary="List deliveries",
    path="/deliveries",
    scopes=_READ,
    query=DeliveriesQuery,
    run=list_deliveries,
    result=views.Delivery,
    own_cursors=True,
    export=views.Delivery.__struct_fields__,
    columns=("id", "event_type", "status", "endpoint_id", "attempts_made", "created_at"),
    examples=(
        "topup deliveries list --status failed",
        "topup deliveries list --account ops@acme.example --event-type topup.failed",
    ),
)
SHOW: Final = ReadAct(
    name="deliveries.show",
    summary="Show a delivery with its attempts",
    path="/deliveries/{delivery_id}",
    scopes=_READ,
    run=show,
    result=DeliveryWithAttempts,
    owner_of=owner_of,
    topup_of=attrgetter("transaction_id"),
    examples=("topup deliveries show dlv_5Fxp",),
)
REPLAY: Final = Act(
    name="deliveries.replay",
    summary="Replay a delivery",
    description="A new delivery of the same event: same id, same body, a fresh signature.",
    path="/deliveries/{delivery_id}/replay",
    scopes=_WRITE,
    input=Fields,
    run=replay,
    result=views.Delivery,
    status=202,
    owner_of=owner_of,
    topup_of=attrgetter("transaction_id"),
    audit=None,
    examples=("topup deliveries replay dlv_5Fxp",),
)
CANCEL: Final = Act(
    name="deliveries.cancel",
    summary="Cancel a delivery",
    description="Ends one that waits for its next attempt: it is not sent any more, and an ordered webhook goes"
    " on with what waited for it. 3004 where it has ended otherwise (`reason`: `delivered`, `failed`) or an"
    " attempt is under way (`sending`: ask again after it). It can be replayed later.",
    path="/deliveries/{delivery_id}/cancel",
    scopes=_WRITE,
    input=Fields,
    run=cancel,
    result=views.Delivery,
    owner_of=owner_of,
    topup_of=attrgetter("transaction_id"),
    refuses=(CannotCancel,),
    audit=Audited("delivery.cancelled", _status),
    examples=("topup deliveries cancel dlv_5Fxp",),
)
ACTS: Final = (LIST, SHOW, REPLAY, CANCEL)
