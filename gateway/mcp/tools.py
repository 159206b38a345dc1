"""The tools for agents, in the order in which they are listed."""

from collections.abc import Mapping
from typing import Final

from mcp_types import ToolAnnotations

from gateway.mcp.tool import ApiTool
from gateway.x402 import endpoint as x402

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
