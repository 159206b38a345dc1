"""Implement MCP's Events extension (io.modelcontextprotocol/events, SEP-3415). Clients get events by webhook
or by polling.

A subscription is stored as a webhook endpoint (webhooks/subscriptions/, docs/decisions/0046-mcp-events.md).
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp_types import PaginatedRequestParams, RequestParams
from pydantic import Field

from gateway.http.acting import actor_of
from gateway.http.rate_limit import RateLimited, pace, pace_target
from gateway.http.request_context import RequestContext
from gateway.mcp.message import INVALID_PARAMS
from kernel.clock import SECOND_US, rfc3339
from kernel.errors import InvalidInput
from kernel.limits import URL_CHARACTERS_MAX
from keys import audit_log
from keys.account import lock_tenants
from keys.account_access import AccountSuspended, suspended
from keys.act import Pace
from keys.audit_log import AuditEntry
from keys.principal import Principal
from keys.signatures.signing import InvalidSecret, secret_key, signature_headers
from keys.staging_quota import StagingClosed, StagingFull
from store.database import Transaction
from webhooks.deliveries.message import SUBSCRIPTION_HEADER, USER_AGENT, occurrence_of
from webhooks.endpoints.acts import audited
from webhooks.endpoints.endpoint import ENABLED, Endpoint
from webhooks.events import log
from webhooks.events.cursor import CursorRefused, EventCursor, event_cursor
from webhooks.events.payload_filter import data_of
from webhooks.http.guard import UrlRefused
from webhooks.http.transport import SendResult
from webhooks.subscriptions import subscription
from webhooks.subscriptions.subscription import (
    EventKind,
    Granted,
    TooManySubscriptions,
    Wanted,
    kinds,
)

EXTENSION: Final = "io.modelcontextprotocol/events"
# SEP-3415's error codes. Clients that follow ChatGPT's guide know older numbers, so the message and `data` also
# say what is wrong.
NOT_FOUND: Final = -32023
FORBIDDEN: Final = -32024
EXHAUSTED: Final = -32025
UNSUPPORTED: Final = -32026
CALLBACK: Final = -32027
POLLED_MAX: Final = 100
POLLED_DEFAULT: Final = 50
POLL_MS: Final = 5_000
VERIFY_S_MAX: Final = 10.0
_MS_MAX: Final = 10**13
_ECHO_BYTES_MAX: Final = 4_096
_PACES: Final = (
    Pace(10, 60, "verifications of one address", is_per_object=True),
    Pace(120, 60, "subscriptions of one account"),
)
# Don't show clients what a receiver responded, or why its address was refused.
_REASONS: Final[Mapping[str, str]] = {"timeout": "timeout", "tls": "tls_error"}
_encode = msgspec.json.Encoder().encode

Context = ServerRequestContext[Any, Any]
Call = RequestContext[Any, Any]


class _Event(RequestParams):
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    cursor: str | None = None
    max_age_ms: int | None = None


class PollParams(_Event):
    max_events: int | None = None


class _Delivery(msgspec.Struct, frozen=True):
    mode: str = "webhook"
    url: str = ""
    secret: str = ""


class SubscribeParams(_Event):
    delivery: dict[str, Any]
    ttl_ms: int | None = None


class UnsubscribeParams(_Event):
    delivery: dict[str, Any]


def add_to(server: Server[Any], call_of: Any) -> None:
    async def list_events(ctx: Context, params: PaginatedRequestParams) -> dict[str, Any]:
        if params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "Unknown cursor: the list has one page.")
        call_of(ctx)
        return {"events": _listed()}

    async def poll(ctx: Context, params: PollParams) -> dict[str, Any]:
        return await _answered(_poll(call_of(ctx), params))

    async def subscribe(ctx: Context, params: SubscribeParams) -> dict[str, Any]:
        return await _answered(_subscribe(call_of(ctx), params))

    async def unsubscribe(ctx: Context, params: UnsubscribeParams) -> dict[str, Any]:
        return await _answered(_unsubscribe(call_of(ctx), params))

    server.add_request_handler("events/list", PaginatedRequestParams, list_events)
    server.add_request_handler("events/poll", PollParams, poll)
    server.add_request_handler("events/subscribe", SubscribeParams, subscribe)
    server.add_request_handler("events/unsubscribe", UnsubscribeParams, unsubscribe)


def _listed() -> list[dict[str, Any]]:
    return [
        {
            "name": kind.name,
            "description": kind.description,
            "delivery": ["webhook", "poll"],
            "inputSchema": kind.input_schema(),
            "payloadSchema": kind.payload_schema(),
        }
        for kind in kinds().values()
    ]


async def _answered(answer: Any) -> dict[str, Any]:
    try:
        return dict(await answer)
    except TooManySubscriptions as error:
        data = {"limit": "subscriptions", "max": error.extra["limit"]}
        raise MCPError(EXHAUSTED, f"ResourceExhausted: {error.detail}", data) from None
    except (RateLimited, StagingFull, StagingClosed) as error:
        limit = "rate" if isinstance(error, RateLimited) else "storage"
        data = {"limit": limit, "retryAfterMs": 1000 * (error.retry_after_s or 1)}
        raise MCPError(EXHAUSTED, f"ResourceExhausted: {error.detail}", data) from None
    except AccountSuspended as error:
        data = {"reason": error.reason}
        raise MCPError(FORBIDDEN, f"Forbidden: {error.detail}", data) from None
    except (InvalidInput, UrlRefused) as error:
        words = f"Invalid params: {error.param}: {error.detail}"
        raise MCPError(INVALID_PARAMS, words, {"param": error.param}) from None


def _kind_of(call: Call, params: _Event) -> tuple[EventKind, dict[str, list[str]] | None]:
    principal = call.credential
    if principal is None or principal.is_paused or subscription.SCOPE not in principal.scopes:
        why = f"the credential is paused or lacks {subscription.SCOPE}"
        data = {"required_scopes": [subscription.SCOPE]}
        raise MCPError(FORBIDDEN, f"Forbidden: {why}", data)
    kind = kinds().get(params.name)
    if kind is None:
        names = ", ".join(kinds())
        words = f"NotFound: no event {params.name[:64]}. The events are {names}."
        raise MCPError(NOT_FOUND, words, {"kind": "event"})
    return kind, kind.filter_of(params.arguments)


def _not_before_us(call: Call, params: _Event) -> int:
    age_ms = params.max_age_ms
    if age_ms is None:
        return 0
    return call.now_us - 1000 * _milliseconds(age_ms, "maxAgeMs")


def _milliseconds(value: int, param: str) -> int:
    if not 0 <= value <= _MS_MAX:
        raise InvalidInput(f"`{param}` must be from 0 to {_MS_MAX}.", param=param)
    return value


async def _poll(call: Call, params: PollParams) -> dict[str, Any]:
    _, wanted = _kind_of(call, params)
    most = POLLED_DEFAULT if params.max_events is None else params.max_events
    if most < 1:
        raise InvalidInput("`maxEvents` must be at least 1.", param="maxEvents")
    not_before_us = _not_before_us(call, params)
    after = event_cursor(params.cursor, "cursor")

    async def read(tx: Transaction) -> tuple[log.EventPage, bool]:
        return await _page(tx, call.principal, params.name, after, min(most, POLLED_MAX))

    page, is_truncated = await call.context.database.read(read)
    recent = [event for event in page.events if event.created_at >= not_before_us]
    matching = [event for event in recent if _matches(event, wanted)]
    return {
        "events": [occurrence_of(event.body) for event in matching],
        "cursor": page.next.text(),
        "truncated": is_truncated or len(recent) < len(page.events),
        "hasMore": page.has_more,
        "nextPollMs": POLL_MS,
    }


def _matches(event: log.Event, wanted: dict[str, list[str]] | None) -> bool:
    if wanted is None:
        return True
    data = data_of(event.body)
    return all(data.get(name) in values for name, values in wanted.items())


async def _page(
    tx: Transaction, principal: Principal, name: str, after: EventCursor | None, limit: int
) -> tuple[log.EventPage, bool]:
    tenant = principal.tenant
    if after is None:
        return log.EventPage([], await log.newest_cursor(tx, tenant), has_more=False), False
    is_truncated = False
    try:
        page = await log.events_after(
            tx, tenant, after=after, event_type=name, limit=limit, param="cursor"
        )
    except CursorRefused as error:
        is_truncated = True
        oldest = error.extra.get("oldest_cursor") if error.reason == "cursor_expired" else None
        if oldest is None:
            return log.EventPage([], await log.newest_cursor(tx, tenant), has_more=False), True
        begin = event_cursor(oldest)
        assert begin is not None, "it was given"
        page = await log.events_after(tx, tenant, after=begin, event_type=name, limit=limit)
    return page, is_truncated


async def _subscribe(call: Call, params: SubscribeParams) -> dict[str, Any]:
    _, wanted_filter = _kind_of(call, params)
    delivery = _delivery_of(params.delivery)
    if delivery.mode != "webhook":
        data = {"feature": "deliveryMode", "value": delivery.mode[:32]}
        raise MCPError(UNSUPPORTED, "Unsupported: events are delivered by webhook or poll.", data)
    _check_secret(delivery.secret)
    principal, context = call.principal, call.context
    # /mcp lets suspended callers read, so refuse their subscriptions here.
    if principal.suspended_for is not None:
        raise suspended(principal.suspended_for)
    context.staging_room.check(principal, context.clock)
    wanted = _wanted(principal, delivery, params)
    asked = subscription.Request(
        wanted,
        delivery.secret,
        wanted_filter,
        event_cursor(params.cursor, "cursor"),
        None if params.ttl_ms is None else 1000 * _milliseconds(params.ttl_ms, "ttlMs"),
        _not_before_us(call, params),
    )
    await pace(context.limiter, principal, "mcp-subscribe", _PACES[1:])
    # Check the address again at each renewal, because the address may now be forbidden. The extension requires https
    # even in staging.
    await pace_target(context.limiter, principal)
    await context.transport.check(
        delivery.url, policy=context.policy, account_id=principal.account_id
    )

    has_agreed = not await context.database.read(
        lambda tx: subscription.is_verified(tx, wanted, now_us=call.now_us)
    )
    if has_agreed:
        await pace(context.limiter, principal, "mcp-verify", _PACES[:1], delivery.url)
        await _verify(call, wanted, delivery.secret)

    async def work(tx: Transaction) -> Granted:
        await lock_tenants(tx, [wanted.tenant])
        granted = await subscription.subscribe(
            tx,
            context.vault,
            asked,
            is_sandbox=principal.is_sandbox,
            has_agreed=has_agreed,
            now_us=call.now_us,
        )
        if granted.is_new:
            await audit_log.record(tx, [_entry(call, "endpoint.created", granted.endpoint)])
        return granted

    return _shown(await context.database.transaction(work))


def _shown(granted: Granted) -> dict[str, Any]:
    endpoint = granted.endpoint
    until_at, failing_since = endpoint.subscription_until_at, endpoint.failing_since_at
    assert until_at is not None, "a subscription has an end"
    shown: dict[str, Any] = {
        "id": endpoint.subscription_id,
        "refreshBefore": rfc3339(until_at),
        "cursor": granted.cursor,
        "truncated": granted.is_truncated,
    }
    if not granted.is_new or endpoint.status != ENABLED:
        status: dict[str, Any] = {"active": endpoint.status == ENABLED}
        if failing_since is not None:
            status["failedSince"] = rfc3339(failing_since)
        shown["deliveryStatus"] = status
    return shown


async def _unsubscribe(call: Call, params: UnsubscribeParams) -> dict[str, Any]:
    _kind_of(call, params)
    delivery = _delivery_of(params.delivery)
    wanted = _wanted(call.principal, delivery, params)

    async def work(tx: Transaction) -> Endpoint | None:
        await lock_tenants(tx, [wanted.tenant])
        gone = await subscription.unsubscribe(tx, call.context.vault, wanted, now_us=call.now_us)
        if gone is not None:
            await audit_log.record(tx, [_entry(call, "endpoint.deleted", gone)])
        return gone

    if await call.context.database.transaction(work) is None:
        data = {"kind": "subscription"}
        raise MCPError(NOT_FOUND, "NotFound: no subscription with this key.", data)
    return {}


def _entry(call: Call, action: str, endpoint: Endpoint) -> AuditEntry:
    is_new = action == "endpoint.created"
    told = {**audited(endpoint), "mcp_subscription": endpoint.subscription_id}
    return audit_log.security(
        actor_of(call),
        action,
        account_id=endpoint.account_id,
        environment=endpoint.environment,
        subject_id=endpoint.id,
        before=None if is_new else told,
        after=told if is_new else None,
        now_us=call.now_us,
    )


def _delivery_of(given: Mapping[str, Any]) -> _Delivery:
    try:
        delivery = msgspec.convert(given, _Delivery)
    except msgspec.ValidationError as error:
        raise InvalidInput(str(error), param="delivery") from None
    if not 1 <= len(delivery.url) <= URL_CHARACTERS_MAX:
        raise InvalidInput(
            f"`url` must have 1 to {URL_CHARACTERS_MAX} characters.", param="delivery.url"
        )
    return delivery


def _wanted(principal: Principal, delivery: _Delivery, params: _Event) -> Wanted:
    return Wanted(
        principal.tenant, principal.credential_id, delivery.url, params.name, params.arguments
    )


def _check_secret(secret: str) -> None:
    try:
        secret_key(secret)
    except InvalidSecret as error:
        raise InvalidInput(error.detail, param="delivery.secret") from None


async def _verify(call: Call, wanted: Wanted, secret: str) -> None:
    """Ask the receiver whether it wants these deliveries. Raise CallbackEndpointError if the receiver doesn't confirm.

    No transaction is open during the request.
    """
    context, challenge = call.context, secrets.token_urlsafe(32)
    body = _encode({"type": "verification", "challenge": challenge})
    signed = signature_headers(
        secrets=[secret],
        message_id=f"msg_verification_{secrets.token_hex(12)}",
        timestamp_s=call.now_us // SECOND_US,
        body=body,
    )
    outcome = await context.transport.post(
        wanted.url,
        [
            ("Content-Type", "application/json"),
            ("User-Agent", USER_AGENT),
            *signed.items(),
            (SUBSCRIPTION_HEADER, wanted.id),
        ],
        body,
        min(context.settings.webhook_timeout_s, VERIFY_S_MAX),
        policy=context.policy,
        account_id=wanted.tenant.account_id,
    )
    reason = _why_unverified(outcome, challenge)
    if reason is not None:
        words = "CallbackEndpointError: the receiver did not answer 2xx with the challenge."
        raise MCPError(CALLBACK, words, {"reason": reason})


def _why_unverified(outcome: SendResult, challenge: str) -> str | None:
    status = outcome.status
    if status is not None and not 200 <= status < 300:
        return "http_5xx" if status >= 500 else "http_4xx"
    if outcome.error is not None:
        return _REASONS.get(outcome.error, "connection_refused")
    echoed = _echoed(outcome)
    return None if hmac.compare_digest(echoed, challenge.encode()) else "challenge_failed"


def _echoed(outcome: SendResult) -> bytes:
    if outcome.is_cut or len(outcome.response_body) > _ECHO_BYTES_MAX:
        return b""
    try:
        echo = msgspec.json.decode(outcome.response_body, type=_Echo)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return b""
    return echo.challenge.encode(errors="replace")


class _Echo(msgspec.Struct):
    challenge: str
