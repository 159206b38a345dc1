"""Define the tools for agents, in the order in which clients list them. Each tool calls an API route."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal, NamedTuple

import msgspec
from mcp_types import ToolAnnotations

from gateway.http.fields import shown
from gateway.http.routing import Route, Router
from gateway.surfaces import API, API_PREFIX
from gateway.x402 import endpoint as x402
from kernel.errors import InvalidInput, NotFound
from kernel.fields import Fields
from kernel.problems import FieldEntry, unknown_fields

KEY: Final = "idempotency_key"
_KEY_EXAMPLE: Final = "order-1042"
_NO_KEY: Final = (
    "is required: any text of your own that names this one action. Give the same one when you retry it;"
    " a new one is a new payment"
)
_PARAM: Final = re.compile(r"\{(\w+)\}")
_encode = msgspec.json.Encoder().encode


class ToolCall(NamedTuple):
    route: Route
    ids: Mapping[str, str]
    body: Mapping[str, Any]
    query: Mapping[str, str]
    key: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ApiTool:
    """A tool, and the route that it calls.

    - other_path: the path of a second route, which the tool calls if it gets that path's argument.
    - key: whether the tool takes an idempotency_key.
    - fills: the default values of arguments.
    - shows: the fields of the data, or of a list's items, that the output schema includes.
    - omits: fields that agents don't need. The tool refuses them.
    - says: descriptions of arguments, instead of the route's own.
    """

    name: str
    title: str
    description: str
    method: str
    path: str
    hints: ToolAnnotations
    shows: tuple[str, ...]
    key: Literal["required", "optional"] | None = None
    omits: frozenset[str] = frozenset()
    says: Mapping[str, str] = field(default_factory=dict)
    other_path: str | None = None
    fills: Mapping[str, str] = field(default_factory=dict)

    @property
    def route(self) -> Route:
        return _route(self.method, self.path)

    @property
    def routes(self) -> tuple[Route, ...]:
        return tuple(_route(self.method, path) for path in self.paths)

    @property
    def fields(self) -> type[Fields]:
        return self.route.body if self.method == "POST" else self.route.query

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,) if self.other_path is None else (self.path, self.other_path)

    @property
    def params(self) -> tuple[str, ...]:
        return tuple(name for path in self.paths for name in _PARAM.findall(path))

    @property
    def needs(self) -> tuple[str, ...]:
        return self.params if self.other_path is None else ()

    def call_of(self, given: Mapping[str, Any], environment: str | None = None) -> ToolCall:
        """Build the call. Raise InvalidInput with a list of all errors, or NotFound if an ID can't exist."""
        rest = dict(given)
        if self.method == "GET":
            return self._read(rest)
        key = rest.pop(KEY, None) if self.key else None
        fault = self._fault_of_key(key)
        faults = [] if fault is None else [fault]
        named = {name: rest.pop(name) for name in self.params if name in rest}
        faults += self._faults_of_path(named) + _faults_of_text(named)
        if faults:
            raise _refusal([*faults, *_faults_of_body(self.route, rest, environment)])
        return ToolCall(self.route, _ids(named), rest, {}, key)

    def _fault_of_key(self, key: object) -> FieldEntry | None:
        if key is None and self.key == "required":
            return {"param": KEY, "detail": _NO_KEY, "example": _KEY_EXAMPLE}
        if key is not None and not isinstance(key, str):
            return {"param": KEY, "detail": "expected a string", "example": _KEY_EXAMPLE}
        return None

    def _read(self, rest: dict[str, Any]) -> ToolCall:
        known = {*self.params, *_names(self.fields)} - self.omits
        faults = unknown_fields(
            ((shown(name), rest[name]) for name in sorted(rest.keys() - known)), known
        )
        faults += self._faults_of_path(rest)
        faults += _faults_of_text({name: one for name, one in rest.items() if name in known})
        if faults:
            raise _refusal(faults)
        path = next(one for one in self.paths if {*_PARAM.findall(one)} <= rest.keys())
        named = {name: rest.pop(name) for name in _PARAM.findall(path)}
        query = {name: _text(value) for name, value in rest.items() if value is not None}
        return ToolCall(_route("GET", path), _ids(named), {}, {**self.fills, **query}, None)

    def _faults_of_path(self, given: Mapping[str, Any]) -> list[FieldEntry]:
        params = self.params
        if self.other_path is None:
            missing = [name for name in params if name not in given]
            return [{"param": name, "detail": "is required"} for name in missing]
        if len(given.keys() & {*params}) == 1:
            return []
        return [{"param": params[0], "detail": f"give one of {' and '.join(params)}"}]


def _ids(named: Mapping[str, Any]) -> Mapping[str, str]:
    values = {name: str(value) for name, value in named.items()}
    if any("/" in value for value in values.values()):
        raise NotFound("Transaction" if "transaction_id" in values else "Endpoint")
    return values


def _faults_of_text(given: Mapping[str, Any]) -> list[FieldEntry]:
    return [
        {"param": name, "detail": "expected a string or a number"}
        for name, value in given.items()
        if not isinstance(value, str | int | None)
    ]


def _refusal(faults: list[FieldEntry]) -> InvalidInput:
    first = faults[0]
    return InvalidInput(f"{first['param']}: {first['detail']}", param=first["param"], errors=faults)


def _faults_of_body(
    route: Route, body: Mapping[str, Any], environment: str | None
) -> list[FieldEntry]:
    try:
        route.body_shape.decode(_encode(body), environment)
    except InvalidInput as error:
        return list(error.extra.get("errors", ()))
    return []


def _text(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _names(fields: type[Fields]) -> frozenset[str]:
    return frozenset(one.encode_name for one in msgspec.structs.fields(fields))


@cache
def _route(method: str, path: str) -> Route:
    router = Router((API, x402.SURFACE))
    found = router.find(API_PREFIX + path) or router.find(path)
    assert found is not None, f"no route {path}"
    return found[0].route(method)


_READS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_SPENDS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)
_ENDS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
_OPENS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
_TRIES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)

_RECIPIENT: Final = {
    "recipient_email": "Who gets the credit. Give this, or recipient.",
    "recipient": "Instead of recipient_email: the account's own address.",
}
_TOP_UP: Final = ("status", "platform", "amount_cents", "charged_cents", "recipient_email")
_WAIT_S: Final = "25"
_WHICH: Final = {"transaction_id": "As a send answered it: txn_…"}

_LISTED: Final = (
    ApiTool(
        "send_topup",
        "Send a top-up",
        "Sends prepaid AI credit to a recipient and spends the account's own. Code 1001: delivered. 1002:"
        " pending, use wait_for. 3006: a person has to approve at data.approval.url; show it, then use"
        " wait_for. 2006 looks_repeated: the same was sent a moment ago (data.error.links: earlier); send"
        " again with distinct: true only if a second payment is meant.",
        "POST",
        "/topup/send",
        _SPENDS,
        (
            *("platform", "amount_cents", "charged_cents", "recipient_email", "new_balance_cents"),
            *("wallet_balance_cents", "voucher_code", "claim_url", "approval"),
        ),
        key="required",
        says={
            **_RECIPIENT,
            "platform": "What is topped up.",
            "reference": "Your own name for it, unique; get_history finds it.",
            "note": "For your own records.",
            "metadata": "Your own pairs.",
            "delivery": "email: true mails the recipient a link to a claim page, in the language locale,"
            " with your words in message.",
            "send_at": "When, at most 90 days ahead; left out: now.",
            "distinct": "A second payment is meant, though it looks like a repeated one.",
            "intent": "Your own id of it through every door; another key or way with it is the same send.",
            "quote_id": "From validate_topup: charged is exactly what it said, or nothing.",
        },
    ),
    ApiTool(
        "validate_topup",
        "Rehearse a top-up",
        "What send_topup would answer and cost now; nothing is written. Not needed before a send.",
        "POST",
        "/topup/validate",
        _READS,
        (
            *("charged_cents", "fee_cents", "wallet_balance_after_cents", "cap_remaining_cents"),
            *("would_be", "quote_id", "quote_expires_at"),
        ),
        omits=frozenset({"note", "metadata", "delivery", "distinct", "intent"}),
        says={
            **_RECIPIENT,
            "platform": "What is topped up.",
            "reference": "As in the send.",
            "send_at": "As in the send.",
        },
    ),
    ApiTool(
        "cancel_topup",
        "Cancel a top-up",
        "Takes back a top-up that is pending, scheduled or waits for approval; its funds return.",
        "POST",
        "/topup/cancel",
        _ENDS,
        ("status", "wallet_balance_cents"),
        key="optional",
        says=_WHICH,
    ),
    ApiTool(
        "get_status",
        "See a top-up",
        "A top-up with its transfers and events. Code 1001 delivered, 1002 pending, 3001 cancelled, 3005"
        " failed (the funds are back), 3007 reversed.",
        "GET",
        "/topup/status/{transaction_id}",
        _READS,
        (*_TOP_UP, "failure_reason", "approval_id", "settled_at"),
        omits=frozenset({"wait_s"}),
        says=_WHICH,
    ),
    ApiTool(
        "wait_for",
        "Wait for a top-up",
        "Waits until a top-up or its approval changes, then answers as get_status (for an approval: its"
        " status). Once wait_s is over the answer is that of now: call it again while it is pending.",
        "GET",
        "/topup/status/{transaction_id}",
        _READS,
        ("status", "amount_cents", "recipient_email", "failure_reason", "approval_id"),
        says={
            **_WHICH,
            "approval_id": "Instead of transaction_id: apr_…",
            "wait_s": f"Seconds to wait; {_WAIT_S} unless given.",
        },
        other_path="/approvals/{approval_id}",
        fills={"wait_s": _WAIT_S},
    ),
    ApiTool(
        "get_balance",
        "See the balance",
        "The account's wallet in US cents, and what this key may still spend.",
        "GET",
        "/topup/balance",
        _READS,
        ("balance_cents", "sendable_cents", "held_cents", "owed_cents", "key"),
    ),
    ApiTool(
        "list_platforms",
        "List the platforms",
        "What can be topped up, with limits in US cents.",
        "GET",
        "/platforms",
        _READS,
        ("id", "name", "min_amount_cents", "max_amount_cents", "fulfilment"),
    ),
    ApiTool(
        "get_history",
        "List top-ups",
        "The account's top-ups, newest first; next_cursor as cursor gives the next page.",
        "GET",
        "/topup/history",
        _READS,
        ("transaction_id", *_TOP_UP, "reference", "created_at"),
        omits=frozenset({"format"}),
        says={"created_after": "Inclusive.", "created_before": "Exclusive."},
    ),
    ApiTool(
        "get_key",
        "See this key",
        "What this key may do: scopes, platforms, recipients, limits with what is left, when a person"
        " has to approve, its end.",
        "GET",
        "/keys/self",
        _READS,
        (
            *("scopes", "paused", "platforms", "recipients", "per_call_cents", "max_now_cents"),
            *("approval_above_cents", "repeat_guard_s", "limits", "expires_at"),
        ),
    ),
    ApiTool(
        "list_events",
        "List events",
        "What happened on the account, newest first; with after (a cursor, 0: the first) oldest first.",
        "GET",
        "/events",
        _READS,
        ("id", "type", "created_at", "data"),
        omits=frozenset({"format"}),
        says={
            "type": "Only these, such as topup.delivered.",
            "after": "Oldest first, from this cursor on.",
            "cursor": "Newest first, the next page.",
        },
    ),
    ApiTool(
        "register_webhook",
        "Register a webhook",
        "Has events sent to an https address of yours. data.secret signs them and is shown once; test_webhook"
        " tries it, and /docs/verify-webhooks.md says how to check a signature.",
        "POST",
        "/webhooks/register",
        _OPENS,
        ("id", "url", "events", "status", "secret", "public_key"),
        key="required",
        omits=frozenset(
            {
                *("description", "headers", "retry_schedule_s", "rate_limit_per_s", "ordered"),
                *("include_codes", "include_approval_links", "ed25519", "filter"),
            }
        ),
        says={
            "url": "Where events are posted.",
            "events": "Only these types, such as topup.delivered, topup.failed, approval.requested, order.paid,"
            " key.cap_near; left out: all.",
        },
    ),
    ApiTool(
        "test_webhook",
        "Test a webhook",
        "Sends a sample event to an endpoint now and says what it answered.",
        "POST",
        "/webhooks/{endpoint_id}/test",
        _TRIES,
        ("http_status", "error", "duration_ms", "started_at"),
        says={"endpoint_id": "we_…", "event": "Of which type; left out: endpoint.test."},
    ),
    ApiTool(
        "list_deliveries",
        "List deliveries",
        "What was sent to webhooks and how it ended, newest first.",
        "GET",
        "/deliveries",
        _READS,
        ("id", "event_type", "endpoint_id", "status", "attempts_made", "created_at"),
        omits=frozenset({"format", "created_after", "created_before"}),
        says={"event_type": "Only these, such as topup.delivered."},
    ),
    ApiTool(
        "create_order",
        "Buy credit",
        "Opens an order of credit for the account, by pack_id or amount_cents. Nothing is paid yet: a"
        " person pays at data.url.",
        "POST",
        "/orders",
        _OPENS,
        ("id", "status", "provider", "url", "status_url", "pay_amount", "pay_currency", "credits"),
        key="required",
        omits=frozenset({"save_payment_method"}),
        says={
            "provider": "Where it is paid.",
            "pack_id": "A pack of credit, in place of amount_cents.",
            "amount_cents": "US cents of credit, in place of pack_id.",
            "success_url": "Where the payer goes then.",
            "cancel_url": "Where the payer goes on giving up.",
            "coupon": "A discount code.",
        },
    ),
    ApiTool(
        "redeem_code",
        "Redeem a code",
        "Credits the account with a code (TOPUP-…) or a voucher (ATU-…), which is used up.",
        "POST",
        "/codes/redeem",
        _ENDS,
        ("type", "amount_cents", "promotional", "expires_at", "balance_cents"),
        key="required",
        says={"code": "TOPUP-XXXX-XXXX-XXXX or ATU-…"},
    ),
)
TOOLS: Final[Mapping[str, ApiTool]] = {tool.name: tool for tool in _LISTED}
SEND: Final = "send_topup"
CANCEL: Final = "cancel_topup"
STATUS: Final = "get_status"
PAID: Final = ApiTool(
    SEND,
    "Send a top-up",
    "Sends prepaid AI credit to a recipient, and is paid in this call: without a payment the answer names the price."
    " Code 1001: delivered. 1002: pending, repeat the call with the same payment. 3005: data.refund.voucher_code"
    " gives back what was paid.",
    "POST",
    x402.PATH,
    _SPENDS,
    ("platform", "amount_cents", "charged_cents", "voucher_code", "claim_url", "payment", "refund"),
    says={
        "platform": "What is topped up.",
        "recipient_email": "Who gets the credit.",
        "environment": "staging costs nothing; left out: live where it is offered.",
        "distinct": "A second payment is meant, though it looks like a repeated one.",
    },
)
