"""Examples of responses that no recording reaches, by method, path and HTTP status."""

from typing import Any, Final

from gateway.answers.response_codes import CODES, PENDING, SUCCESS

_API: Final = "/api/public/v1"
_TIME: Final = "2026-06-13T12:00:00Z"
_TRANSACTION: Final = "txn_abc123"


def _answer(data: Any, *, code: int = SUCCESS, transaction_id: str | None = None) -> Any:
    return {
        "success": True,
        "code": code,
        "message": CODES[code].message,
        "transaction_id": transaction_id,
        "status": "ok" if transaction_id is None else data["status"],
        "timestamp": _TIME,
        "data": data,
    }


_RECHARGE: Final = {
    "provider": "stripe",
    "below_cents": 1000,
    "amount_cents": 5000,
    "monthly_max_cents": 20000,
    "method_ref": "pm_abc123",
    "brand": "visa",
    "last4": "4242",
    "status": "on",
    "disabled_reason": None,
    "failures": 0,
    "retry_at": None,
    "changed_at": _TIME,
    "charges": [
        {
            "order_id": "ord_abc123",
            "amount_cents": 5000,
            "method": "visa 4242",
            "month": "2026-06",
            "reason": None,
            "url": None,
            "created_at": _TIME,
        }
    ],
}
_METHODS: Final = {
    "provider": "stripe",
    "items": [{"ref": "pm_abc123", "brand": "visa", "last4": "4242", "expires": "2029-04"}],
}
_RECEIPT: Final = {
    "transaction_id": _TRANSACTION,
    "status": "delivered",
    "receipt": "eyJhbGciOiJFZERTQSJ9.eyJ2ZXJzaW9uIjoxfQ.c2lnbmF0dXJl",
    "checkpoint": {
        "environment": "live",
        "day": "2026-06-13",
        "size": 1204,
        "late": 0,
        "root": "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        "digest": "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "sealed_at": "2026-06-14T01:00:04Z",
        "jws": "eyJhbGciOiJFZERTQSJ9.eyJkYXkiOiIyMDI2LTA2LTEzIn0.c2lnbmF0dXJl",
    },
    "keys_url": "https://topup.example.com/.well-known/receipt-keys",
}
_ENTITLEMENT: Final = {
    "name": "exports",
    "allowed": True,
    "limit": 100,
    "used": 1,
    "resets_at": "2026-07-01T00:00:00Z",
}
_SUBSCRIPTION: Final = {
    "id": "sub_abc123",
    "status": "active",
    "provider": "stripe",
    "order_id": "ord_abc123",
    "plan_id": "pro",
    "plan_name": "Pro",
    "interval": "month",
    "amount": 999,
    "currency": "USD",
    "credits": 10000,
    "current_period_start": _TIME,
    "current_period_end": "2026-07-13T12:00:00Z",
    "trial_ends_at": None,
    "cancel_at_period_end": False,
    "next_plan_id": None,
    "next_interval": None,
    "next_charge": {"at": "2026-07-13T12:00:00Z", "amount": 999, "currency": "USD"},
    "grace_ends_at": None,
    "paused_at": None,
    "resumes_at": None,
    "credits_granted": 10000,
    "created_at": _TIME,
    "ended_at": None,
}
_REVERSING: Final = {
    "transaction_id": _TRANSACTION,
    "status": "reversing",
    "platform": "claude",
    "amount_cents": 1000,
    "fee_cents": 0,
    "charged_cents": 1000,
    "recipient_email": "user@example.com",
    "voucher_code": None,
    "voucher_code_hint": "H4NB",
    "deliverable": {
        "kind": "code",
        "value": None,
        "value_hint": "H4NB",
        "redeem_url": "https://vendor.example/redeem",
        "instructions": None,
        "expires_at": None,
    },
    "new_balance_cents": 4400,
    "reference": None,
    "metadata": {},
    "note": None,
    "failure_reason": None,
    "delivery": None,
    "claim_url": None,
    "claimed_at": None,
    "emailed_at": None,
    "key_id": "key_abc123",
    "key_name": "Shop",
    "scheduled_for": None,
    "created_at": _TIME,
    "settled_at": _TIME,
    "wallet_balance_cents": 999000,
    "reversal": {
        "reason": "Sent to the wrong person",
        "outcome": None,
        "detail": None,
        "requested_at": _TIME,
        "ended_at": None,
    },
}
_REVENUE: Final = {
    "month": "2026-06",
    "provider": "stripe",
    "currency": "USD",
    "payments": 12,
    "paid": 60000,
    "refunded": 500,
    "refunded_in_month": 500,
    "net": 59500,
    "fee": 2100,
    "fees_known": 12,
}
_OUTSTANDING: Final = {
    "month": "2026-06",
    "opening_micros": 0,
    "sold_micros": 600000000,
    "granted_micros": 10000000,
    "reversed_micros": -5000000,
    "used_micros": -250000000,
    "breakage_micros": 0,
    "expired_micros": 0,
    "withdrawn_micros": 0,
    "debts_micros": 0,
    "closing_micros": 355000000,
}


def _pending(act: str, **more: Any) -> Any:
    asked = {"action": act, "plan_id": None, "interval": None, "requested_at": _TIME}
    pending = {**asked, "is_outcome_unknown": False, "attempts": 1, **more}
    return _answer({**_SUBSCRIPTION, "pending": pending})


def _page(*items: Any) -> Any:
    return _answer({"items": list(items), "next_cursor": None, "has_more": False})


WRITTEN: Final[dict[str, Any]] = {
    f"POST {_API}/topup/{{transaction_id}}/reverse 202": _answer(
        _REVERSING, code=PENDING, transaction_id=_TRANSACTION
    ),
    **{
        f"{method} {_API}/topup/balance/recharge 200": _answer(_RECHARGE)
        for method in ("GET", "PUT", "DELETE")
    },
    f"GET {_API}/topup/balance/recharge/methods 200": _answer(_METHODS),
    f"POST {_API}/topup/balance/recharge/methods 201": _answer(
        {"url": "https://checkout.stripe.com/c/pay/cs_test_abc123"}
    ),
    f"DELETE {_API}/topup/balance/recharge/methods/{{method_ref}} 200": _answer(_METHODS),
    f"GET {_API}/topup/{{transaction_id}}/receipt 200": _answer(
        _RECEIPT, transaction_id=_TRANSACTION
    ),
    f"GET {_API}/entitlements/{{entitlement_name}} 200": _answer(_ENTITLEMENT),
    f"POST {_API}/entitlements/{{entitlement_name}}/use 200": _answer(_ENTITLEMENT),
    f"POST {_API}/subscriptions/{{subscription_id}}/change 202": _pending(
        "change", plan_id="team", interval="month"
    ),
    f"POST {_API}/subscriptions/{{subscription_id}}/cancel 202": _pending("cancel"),
    f"POST {_API}/subscriptions/{{subscription_id}}/pause 202": _pending("pause"),
    f"POST {_API}/subscriptions/{{subscription_id}}/resume 202": _pending("resume"),
    f"GET {_API}/reports/revenue 200": _page(_REVENUE),
    f"GET {_API}/reports/outstanding 200": _page(_OUTSTANDING),
    f"PUT {_API}/account/limits 200": _answer(
        {
            "per_day_cents": 100000,
            "spent_cents": 2500,
            "remaining_cents": 97500,
            "resets_at": "2026-06-14T00:00:00Z",
        }
    ),
}
