"""Publish each event type's JSON Schema and an example, and make samples for test pings.

A sample refers to nothing real: its data says "test": true, and its IDs end in _test.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kernel.clock import DAY_US, parse_rfc3339, rfc3339
from kernel.words import Environment, EventSequence, Time
from webhooks.events.event import API_VERSION, EVENT_TYPES, render_event
from webhooks.events.schemas import TYPES

TRANSACTION_ID = "txn_test"
APPROVAL_ID = "apr_test"
ORDER_ID = "ord_test"
SUBSCRIPTION_ID = "sub_test"
BATCH_ID = "bat_test"
KEY_ID = "key_test"
VOUCHER_CODE = "ATU-TEST-TEST-TEST-TEST-TEST"
_CREDIT = {
    "kind": "credit",
    "value": None,
    "value_hint": None,
    "redeem_url": None,
    "instructions": None,
    "expires_at": None,
}

_RECHARGE = {"order_id": ORDER_ID, "amount_cents": 2500, "method": "visa 4242", "currency": "USD"}
_PLAIN: Mapping[str, Mapping[str, Any]] = {
    "balance.low": {"balance_cents": 900, "low_balance_threshold_cents": 1000, "currency": "USD"},
    "recharge.succeeded": {**_RECHARGE, "balance_cents": 2900},
    "recharge.failed": {
        **_RECHARGE,
        "reason": "insufficient_funds",
        "disabled": False,
        "failures": 1,
        "retry_at": None,
        "url": None,
    },
    "stock.low": {
        "supplier": "gift-cards",
        "platform": "claude",
        "amount_cents": 1000,
        "remaining": 9,
        "low_threshold": 10,
    },
}
PATH: Final = "/docs/events"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_EXAMPLE_TIME_US: Final = parse_rfc3339("2026-06-13T12:00:00Z")
_EXAMPLE_ENDPOINT: Final[Mapping[str, Any]] = {
    "id": "we_test",
    "url": "https://example.com/hook",
    "events": [],
    "description": "",
    "status": "enabled",
    "disabled_reason": None,
    "retry_schedule_s": [0, 5, 30],
    "rate_limit_per_s": None,
    "ordered": False,
    "include_codes": False,
    "include_approval_links": False,
    "filter": None,
    "headers": {},
    "created_at": "2026-06-13T12:00:00Z",
}


def sample_data(
    event_type: str, endpoint: Mapping[str, Any], *, is_told_codes: bool = False, now_us: int
) -> dict[str, Any]:
    """Make the data of a sample event for `endpoint`. A sample code can't be redeemed."""
    data = {"test": True, **_data(event_type, endpoint, now_us=now_us)}
    if is_told_codes and data.get("voucher_code_hint") is not None:
        data["voucher_code"] = VOUCHER_CODE
    return data


def _data(event_type: str, endpoint: Mapping[str, Any], *, now_us: int) -> dict[str, Any]:
    subject, _, what = event_type.partition(".")
    if subject == "endpoint":
        return dict(endpoint)
    if event_type in _PLAIN:
        return dict(_PLAIN[event_type])
    if subject in _MADE:
        return _MADE[subject](now_us=now_us)
    if subject == "credit":
        return _ending_credit(what, now_us=now_us)
    if subject == "order":
        return _order(what, now_us=now_us)
    if subject == "key":
        return _cap(what, now_us=now_us) if what.startswith("cap") else _key(what, now_us=now_us)
    if subject == "subscription":
        return _subscription(what, now_us=now_us)
    if subject == "approval":
        link = {"decide_url": None} if what == "requested" else {}
        told = {"approval": _approval(what, now_us=now_us), **_topup("pending", now_us=now_us)}
        return {**link, **told}
    if what == "claimed":
        return {**_topup("delivered", now_us=now_us), "claimed_at": rfc3339(now_us)}
    return _topup(what, now_us=now_us)


def _ending_credit(what: str, *, now_us: int) -> dict[str, Any]:
    days_before = 7
    ends_at = now_us if what == "expired" else now_us + days_before * DAY_US
    return {
        "id": "pgr_test",
        "kind": "plan",
        "amount_micros": 4_500_000,
        "amount_cents": 450,
        "currency": "USD",
        "expires_at": rfc3339(ends_at),
        "plan_id": "pro",
        "subscription_id": "sub_test",
        **({} if what == "expired" else {"days_before": days_before, "rolls_over_micros": 0}),
    }


def _cap(what: str, *, now_us: int) -> dict[str, Any]:
    return {
        "key_id": KEY_ID,
        "cap": "per_day",
        "unit": "cents",
        "seconds": None,
        "limit": 5000,
        "spent": 5000 if what == "cap_reached" else 4000,
        "remaining": 0 if what == "cap_reached" else 1000,
        "resets_at": rfc3339(now_us + DAY_US),
    }


def _key(what: str, *, now_us: int) -> dict[str, Any]:
    return {
        "id": KEY_ID,
        "parent_id": None,
        "name": "test",
        "purpose": None,
        "scopes": ["topup:send", "topup:read"],
        "by": "cli",
        "expires_at": None,
        "created_at": rfc3339(now_us),
        "paused_at": rfc3339(now_us) if what == "paused" else None,
        "revoked_at": rfc3339(now_us) if what == "revoked" else None,
    }


def _redeemed(*, now_us: int) -> dict[str, Any]:
    return {
        "transaction_id": TRANSACTION_ID,
        "platform": "claude",
        "amount_cents": 1000,
        "recipient_email": "user@example.com",
        "settle": "wallet",
        "redeemed_at": rfc3339(now_us),
        "reference": None,
        "metadata": {"test": "true"},
    }


def _topup(status: str, *, now_us: int) -> dict[str, Any]:
    is_delivered = status == "delivered"
    data: dict[str, Any] = {
        "transaction_id": TRANSACTION_ID,
        "status": status,
        "platform": "claude",
        "amount_cents": 1000,
        "fee_cents": 0,
        "charged_cents": 1000,
        "recipient_email": "user@example.com",
        "voucher_code": None,
        "voucher_code_hint": VOUCHER_CODE[-4:] if is_delivered else None,
        "deliverable": dict(_CREDIT) if is_delivered else None,
        "new_balance_cents": 5400 if is_delivered else None,
        "reference": None,
        "metadata": {"test": "true"},
        "key_id": KEY_ID,
        "key_name": "test",
    }
    if status == "scheduled":
        data["scheduled_for"] = rfc3339(now_us + DAY_US)
    if status == "failed":
        data["failure_reason"] = "test"
    if status == "reversed":
        data.update(new_balance_cents=4400, reason="test")
    return data


def _batch(*, now_us: int) -> dict[str, Any]:
    counts = dict.fromkeys(
        (
            *("waiting", "refused", "dropped", "scheduled", "pending"),
            *("failed", "cancelled", "reversing", "reversed"),
        ),
        0,
    )
    return {
        "id": BATCH_ID,
        "status": "completed",
        "all_or_nothing": False,
        "items": 2,
        "counts": {
            **counts,
            "accepted": 2,
            "delivered": 2,
            "accepted_cents": 2000,
            "delivered_cents": 2000,
            "fee_cents": 0,
        },
        "created_at": rfc3339(now_us),
        "cancelled_at": None,
        "completed_at": rfc3339(now_us),
    }


def _approval(what: str, *, now_us: int) -> dict[str, Any]:
    is_decided = what != "requested"
    return {
        "id": APPROVAL_ID,
        "transaction_id": TRANSACTION_ID,
        "status": what if is_decided else "pending",
        "reason": "threshold",
        "requested_by": None,
        "decided_by": "key_test" if what in {"approved", "denied", "cancelled"} else None,
        "created_at": rfc3339(now_us),
        "expires_at": rfc3339(now_us + DAY_US),
        "decided_at": rfc3339(now_us) if is_decided else None,
    }


def _dispute(*, now_us: int) -> dict[str, Any]:
    return {
        "id": "dp_test",
        "provider": "sandbox",
        "environment": "staging",
        "account_id": "acc_test",
        "order_id": ORDER_ID,
        "amount": 1000,
        "currency": "USD",
        "status": "needs_response",
        "reason": "fraudulent",
        "is_inquiry": False,
        "evidence_due_at": rfc3339(now_us + 7 * DAY_US),
        "page_url": None,
        "created_at": rfc3339(now_us),
        "ended_at": None,
    }


def _order(what: str, *, now_us: int) -> dict[str, Any]:
    status = {"restored": "paid", "dispute_lost": "refunded"}.get(what, what)
    order = _shown_order(status, now_us=now_us)
    if what in {"disputed", "dispute_lost"}:
        return {
            **order,
            "dispute_id": "dp_test",
            "disputed_cents": 1000,
            "refunded_cents": 1000 if what == "disputed" else 0,
            "refunded_total_cents": 1000,
            "reason": "dispute" if what == "disputed" else "the dispute was lost",
        }
    if status == "refunded":
        more = {"refunded_cents": 1000, "refunded_total_cents": 1000, "reason": "bought twice"}
        return {**order, **more}
    if status == "paid" and what == "restored":
        more = {"restored_cents": 1000, "refunded_total_cents": 0, "reason": "the dispute was won"}
        return {**order, **more}
    return order


def _shown_order(status: str, *, now_us: int) -> dict[str, Any]:
    return {
        "id": ORDER_ID,
        "status": status,
        "provider": "sandbox",
        "url": None,
        "pack_id": None,
        "amount": 1000,
        "currency": "USD",
        "pay_amount": 1000,
        "pay_currency": "USD",
        "credits": 10_000,
        "refunded_amount": 1000 if status in {"refunded", "disputed"} else 0,
        "coupon": None,
        "order_no": "0" * 32,
        "reference": TRANSACTION_ID,
        "created_at": rfc3339(now_us),
        "paid_at": None if status == "failed" else rfc3339(now_us),
        "origin": None,
        "paid_amount": None if status == "failed" else 1000,
        "trial_days": 0,
    }


def _subscription(what: str, *, now_us: int) -> dict[str, Any]:
    is_over, is_ending = what == "ended", what == "canceling"
    is_due, is_paused = what == "past_due", what == "paused"
    end_us = now_us if is_over or is_due else now_us + 30 * DAY_US
    charge = {"at": rfc3339(end_us), "amount": 1000, "currency": "USD"}
    return {
        "id": SUBSCRIPTION_ID,
        "status": {"ended": "cancelled", "past_due": "past_due", "paused": "paused"}.get(
            what, "active"
        ),
        "provider": "sandbox",
        "order_id": ORDER_ID,
        "plan_id": "pro",
        "plan_name": "Pro",
        "interval": "month",
        "amount": 1000,
        "currency": "USD",
        "credits": 10_000,
        "current_period_start": rfc3339(end_us - 30 * DAY_US),
        "current_period_end": rfc3339(end_us),
        "trial_ends_at": None,
        "cancel_at_period_end": is_over or is_ending,
        "next_plan_id": "team" if what == "changed" else None,
        "next_interval": "month" if what == "changed" else None,
        "next_charge": None if is_over or is_ending or is_paused else charge,
        "grace_ends_at": rfc3339(end_us + 7 * DAY_US) if is_due else None,
        "paused_at": rfc3339(now_us) if is_paused else None,
        "resumes_at": rfc3339(now_us + 60 * DAY_US) if is_paused else None,
        "credits_granted": 10_000,
        "credits_granted_now": 10_000 if what in {"started", "activated", "renewed"} else 0,
        "created_at": rfc3339(end_us - 30 * DAY_US),
        "ended_at": rfc3339(end_us) if is_over else None,
    }


_MADE = {"batch": _batch, "dispute": _dispute, "voucher": _redeemed}


def event_schema(event_type: str, *, id_: str | None = None) -> dict[str, Any]:
    known = TYPES[event_type]
    fields: list[tuple[Any, ...]] = [
        ("id", Annotated[str, Meta(pattern=r"^evt_[0-9A-Za-z]+$", description="The event's ID.")]),
        ("type", Literal[event_type]),
        ("created_at", Time),
        ("environment", Environment),
        ("api_version", Literal[API_VERSION]),
        ("sequence", EventSequence | UnsetType, UNSET),
        ("data", known.data),
    ]
    struct = msgspec.defstruct("Event", fields, kw_only=True)
    struct.__doc__ = "The body of a webhook; the raw bytes are what is signed."
    named = {} if id_ is None else {"$id": id_}
    return {
        "$schema": DIALECT,
        **named,
        "title": event_type,
        "description": known.sentence,
        **msgspec.json.schema(struct),
    }


def event_example(event_type: str) -> dict[str, Any]:
    body = render_event(
        id="evt_test",
        type=event_type,
        created_at_us=_EXAMPLE_TIME_US,
        environment="staging",
        sequence=1,
        data=sample_data(event_type, _EXAMPLE_ENDPOINT, now_us=_EXAMPLE_TIME_US),
    )
    return dict(msgspec.json.decode(body))


def catalogue(address: str) -> dict[str, Any]:
    return {
        "api_version": API_VERSION,
        "types": {
            event_type: {
                "description": TYPES[event_type].sentence,
                "schema": event_schema(event_type, id_=f"{address}{PATH}/{event_type}"),
                "example": event_example(event_type),
            }
            for event_type in EVENT_TYPES
        },
    }
