"""Deliveries: list, show, replay and cancel deliveries, and send a sample event."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal, Self, cast

from msgspec import UNSET, Meta, UnsetType

from kernel.clock import rfc3339_ms
from kernel.errors import DomainError, NotFound
from kernel.fields import ExportPage, Fields, ShortText, Time as TimeText, time_us, word_of
from kernel.shaped import Shaped
from kernel.tenant import Tenant
from kernel.words import (
    Count,
    DeliveryIdText,
    EndpointIdText,
    EventIdText,
    KeyIdText,
    Millis,
    Time,
    TransactionId,
)
from keys.act import (
    MERCHANT,
    Act,
    ActContext,
    Audited,
    CallContext,
    Change,
    Failing,
    ListAct,
    Pace,
    ReadAct,
    StepsAct,
    about_topup,
)
from store.database import Transaction
from store.keyset import Begin, ListStretch
from webhooks.deliveries import delivery as deliveries, log
from webhooks.deliveries.delivery import CannotCancel
from webhooks.deliveries.log import DeliveryFilter, place_of
from webhooks.endpoints.ping import Sender, send_test
from webhooks.events.event import EVENT_TYPES, TEST_EVENT, EventTypeWord, check_type

_READ: Final = ("webhooks:read",)
_WRITE: Final = ("webhooks:write",)
_OWNER: Final = "SELECT account_id, environment FROM deliveries WHERE id = :id"
_NO_KEY: Final = (None, None)


class Delivery(Shaped, kw_only=True):
    """The delivery of one event to one endpoint.

    next_attempt_at is null unless the delivery is pending and isn't waiting for another
    delivery.
    """

    id: DeliveryIdText
    event_id: EventIdText
    event_type: EventTypeWord
    endpoint_id: EndpointIdText
    transaction_id: TransactionId | None
    status: Literal["pending", "sending", "delivered", "failed", "cancelled"]
    attempts_made: Count
    next_attempt_at: Time | None
    replay_of: DeliveryIdText | None
    created_at: Time
    key_id: Annotated[
        KeyIdText | None,
        Meta(description="The key that sent the event's top-up; null if there is none."),
    ]
    key_name: Annotated[str | None, Meta(description="The key's name at that time.")]
    blocked_by: Annotated[
        DeliveryIdText | None,
        Meta(
            description="The delivery that must end first, because the webhook is `ordered` and the delivery is"
            " of an earlier event about the same object; null if there is none."
        ),
    ]


class Attempt(Shaped, kw_only=True):
    """One HTTP request to an endpoint, and its result.

    http_status is null if no response came. error is null if the endpoint accepted the event.
    """

    id: Annotated[str, Meta(pattern=r"^att_[0-9A-Za-z]+$")]
    number: Annotated[int, Meta(ge=1, description="The attempt's number, from 1.")]
    started_at: Millis
    duration_ms: Annotated[Count, Meta(description="The attempt's duration in milliseconds.")]
    http_status: Annotated[
        int | None, Meta(description="The response's HTTP status; null if no response came.")
    ]
    error: Annotated[
        Literal["timeout", "connect", "tls", "address", "protocol", "http", "lost", "internal"]
        | None,
        Meta(description="The error; null if the endpoint accepted the event."),
    ]
    remote_address: Annotated[
        str | None,
        Meta(
            description="The address and port that the request was sent to; null if it wasn't sent."
        ),
    ]
    timings_ms: Annotated[
        dict[str, int | float], Meta(description="The duration of each step in milliseconds.")
    ]
    request_headers: Annotated[dict[str, str], Meta(description="Signatures are redacted.")]
    body_sha256: Annotated[str, Meta(description="The hexadecimal SHA-256 of the sent body.")]
    response_body: Annotated[str, Meta(description="The first 4 KiB of the response body.")]
    reason: (
        Annotated[
            str | None,
            Meta(
                description="The cause, shown only to operators, because it may name internal hosts."
            ),
        ]
        | UnsetType
    ) = UNSET

    @classmethod
    def of(cls, attempt: log.Attempt, /, **more: Any) -> Self:
        """Leave out the reason, unless `more` contains it."""
        return super().of(
            attempt,
            started_at=rfc3339_ms(attempt.started_at),
            duration_ms=attempt.duration_ms,
            response_body=attempt.response_body.decode("utf-8", "replace"),
            **more,
        )


class DeliveryWithAttempts(Delivery, kw_only=True):
    """A delivery and all its attempts."""

    attempts: Annotated[list[Attempt], Meta(description="All attempts, oldest first.")]


@dataclass(frozen=True, slots=True)
class Senders:
    """What billing knows about top-ups. `keys` returns the ID and name of the key that sent each top-up."""

    keys: Callable[
        [Transaction, Tenant, Iterable[str | None]],
        Awaitable[Mapping[str | None, tuple[str | None, str | None]]],
    ]


class DeliveriesQuery(ExportPage, frozen=True, kw_only=True):
    """Which deliveries."""

    status: (
        Annotated[
            ShortText,
            word_of(log.STATUSES),
            Meta(description="Return only deliveries in this state."),
        ]
        | None
    ) = None
    endpoint_id: (
        Annotated[ShortText, Meta(description="Return only deliveries to this endpoint.")] | None
    ) = None
    event_type: (
        Annotated[
            ShortText,
            word_of(EVENT_TYPES),
            Meta(description="Return only deliveries of events of this type."),
        ]
        | None
    ) = None
    transaction_id: (
        Annotated[ShortText, Meta(description="Return only deliveries about this top-up.")] | None
    ) = None
    created_after: TimeText | None = None
    created_before: TimeText | None = None


async def owner_of(tx: Transaction, delivery_id: str) -> Tenant:
    row = await tx.fetch_one(_OWNER, id=delivery_id)
    if row is None:
        raise NotFound("Delivery")
    return Tenant(row["account_id"], row["environment"])


async def list_deliveries(
    context: ActContext, asked: DeliveriesQuery, begin: Begin, limit: int
) -> Sequence[log.Delivery]:
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
    """Return one delivery with its attempts. Only operators see the attempts' reasons."""
    found = await _get(context, context.object_id)
    attempts = await log.attempts_of(context.tx, context.tenant, found.id)
    if context.asker is None:
        shown = [Attempt.of(one, reason=one.reason) for one in attempts]
    else:
        shown = [Attempt.of(one) for one in attempts]
    return DeliveryWithAttempts.of(found, attempts=shown)


async def replay(context: ActContext, _asked: Fields) -> Change[log.Delivery]:
    """Create a new delivery of the same event, due now."""
    tx, tenant, now_us = context.tx, context.tenant, context.now_us
    new_id = await deliveries.replay(tx, tenant, context.object_id, now_us=now_us)
    return Change(after=await _get(context, new_id))


async def cancel(context: ActContext, _asked: Fields) -> Change[log.Delivery]:
    before = await _get(context, context.object_id)
    await deliveries.cancel(context.tx, context.tenant, before.id, now_us=context.now_us)
    return Change(before=before, after=await _get(context, before.id))


async def _get(context: ActContext, delivery_id: str) -> log.Delivery:
    found = await log.get_delivery(context.tx, context.tenant, delivery_id)
    return (await _with_keys(context, [found]))[0]


async def _with_keys(context: ActContext, found: Sequence[log.Delivery]) -> Sequence[log.Delivery]:
    ids = [one.transaction_id for one in found]
    keys = await context.service(Senders).keys(context.tx, context.tenant, ids)
    of = [keys.get(one, _NO_KEY) for one in ids]
    return [
        replace(one, key_id=id_, key_name=name) for one, (id_, name) in zip(found, of, strict=True)
    ]


def _status(found: log.Delivery) -> Mapping[str, Any]:
    return {"status": found.status}


LIST: Final[ListAct[Any, Any]] = ListAct(
    name="deliveries.list",
    summary="List deliveries",
    path="/deliveries",
    scopes=_READ,
    query=DeliveriesQuery,
    run=list_deliveries,
    result=Delivery,
    own_cursors=True,
    sorts=log.SORTS,
    export=Delivery.__struct_fields__,
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
    told=about_topup,
    examples=("topup deliveries show dlv_5Fxp",),
)
REPLAY: Final = Act(
    name="deliveries.replay",
    summary="Replay a delivery",
    description="Creates a new delivery of the same event, with the same ID and body and a new signature.",
    path="/deliveries/{delivery_id}/replay",
    scopes=_WRITE,
    input=Fields,
    run=replay,
    result=Delivery,
    status=202,
    owner_of=owner_of,
    told=about_topup,
    audit=None,
    examples=("topup deliveries replay dlv_5Fxp",),
)
CANCEL: Final = Act(
    name="deliveries.cancel",
    summary="Cancel a delivery",
    description="Cancels a delivery that is waiting for its next attempt. An ordered webhook continues with the next delivery."
    " Returns 3004 if the delivery has already ended (`reason`: `delivered`, `failed`) or is being sent"
    " (`sending`: try again after the attempt). It can be replayed later.",
    path="/deliveries/{delivery_id}/cancel",
    scopes=_WRITE,
    input=Fields,
    run=cancel,
    result=Delivery,
    owner_of=owner_of,
    told=about_topup,
    refuses=(CannotCancel,),
    audit=Audited("delivery.cancelled", _status),
    examples=("topup deliveries cancel dlv_5Fxp",),
)
ACTS: Final = (LIST, SHOW, REPLAY, CANCEL)


class SampleRefused(DomainError):
    """The endpoint didn't accept the sample event."""


class TestEventBody(Fields, frozen=True, kw_only=True):
    """The type of the sample event."""

    event: Annotated[
        str, word_of(EVENT_TYPES), Meta(max_length=64, description="The sample event's type.")
    ] = TEST_EVENT


async def test(context: CallContext, asked: TestEventBody) -> log.Attempt:
    await context.pace()
    sender = context.service(Sender)
    return await send_test(sender, context.tenant, context.object_id, asked.event)


def _not_taken(attempt: log.Attempt) -> str | None:
    if attempt.error is None:
        return None
    answered = f"HTTP {attempt.http_status}" if attempt.http_status else attempt.error
    return f"The endpoint did not accept the sample event: {answered}."


TEST: Final = StepsAct(
    name="webhooks.test",
    summary="Send a sample event",
    path="/webhooks/{endpoint_id}/test",
    scopes=("webhooks:write",),
    audience=(MERCHANT,),
    input=TestEventBody,
    run=test,
    result=Attempt,
    failing=Failing(SampleRefused, _not_taken),
    paces=(
        Pace(5, 5, "test pings of one webhook", is_per_object=True),
        Pace(20, 10, "test pings of one account"),
        Pace(30, 3600, "test pings of a sandbox account", is_sandbox=True),
    ),
    examples=(
        "topup webhooks test we_5Fxp",
        "topup webhooks test we_5Fxp --event topup.failed",
    ),
)
