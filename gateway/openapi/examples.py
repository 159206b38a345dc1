"""Examples of requests, whole and valid: tests hold each against its route. Answers are in answers.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.openapi.dialect_examples import DIALECT_BODIES

API: Final = "/api/public/v1"
TIME: Final = "2026-06-13T12:00:00Z"
EMAIL: Final = "user@example.com"
VOUCHER: Final = "ATU-7Q3X-9KVM-2C8R-T5WA-H4NB"
TRANSACTION: Final = "txn_abc123"
DEVICE_CODE: Final = "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS-c"


@dataclass(frozen=True, slots=True)
class Example:
    """A request's body, null if there is nothing to show; query: the required parameters."""

    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] | None = None


_SEND: Final = {"platform": "claude", "amount_cents": 1000, "recipient_email": EMAIL}
_MANDATE: Final = {
    "name": "Onboarding agent",
    "purpose": "Credit for new colleagues",
    "scopes": ["topup:send", "topup:read"],
    "platforms": ["claude"],
    "recipients": ["*@acme.example"],
    "lifetime_cents": 50000,
    "windows": [{"seconds": 3600, "cents": 5000}],
    "per_recipient_per_day_cents": 2000,
    "max_sends_per_hour": 20,
    "repeat_guard_s": 600,
    "approval_above_cents": 1500,
    "approval_above_per_day_cents": 10000,
    "expires_at": "2036-01-01T00:00:00Z",
}

EXAMPLES: Final[Mapping[tuple[str, str], Example]] = {
    **{place: Example(body) for place, body in DIALECT_BODIES.items()},
    ("POST", f"{API}/cli/login"): Example({"name": "ann's laptop"}),
    ("POST", f"{API}/cli/login/token"): Example({"device_code": DEVICE_CODE}),
    ("POST", f"{API}/topup/send"): Example(_SEND),
    ("POST", "/x402/topup"): Example(_SEND),
    ("POST", f"{API}/topup/validate"): Example(_SEND),
    ("POST", f"{API}/topup/bulk"): Example(
        {
            "items": [
                {**_SEND, "reference": "order-1"},
                {
                    "platform": "gemini",
                    "amount_cents": 2500,
                    "recipient_email": EMAIL,
                    "reference": "order-2",
                },
            ],
            "dry_run": True,
        }
    ),
    ("POST", f"{API}/topup/cancel"): Example({"transaction_id": TRANSACTION}),
    ("POST", f"{API}/topup/{{transaction_id}}/reverse"): Example(
        {"reason": "Sent to the wrong person"}
    ),
    ("PUT", f"{API}/topup/balance/threshold"): Example(
        {"low_balance_thresholds_cents": [5000, 1000]}
    ),
    ("PUT", f"{API}/topup/balance/recharge"): Example(
        {
            "below_cents": 1000,
            "amount_cents": 5000,
            "monthly_max_cents": 20000,
            "provider": "stripe",
        }
    ),
    ("POST", f"{API}/topup/balance/recharge/methods"): Example(
        {"provider": "stripe", "return_url": "https://app.example.com/billing"}
    ),
    ("GET", f"{API}/topup/balance/recharge/methods"): Example(query={"provider": "stripe"}),
    ("DELETE", f"{API}/topup/balance/recharge/methods/{{method_ref}}"): Example(
        query={"provider": "stripe"}
    ),
    ("GET", f"{API}/subscriptions/{{subscription_id}}/change"): Example(query={"plan_id": "team"}),
    ("GET", f"{API}/events/stream"): Example(query={"after": "0"}),
    ("POST", f"{API}/vouchers/redeem"): Example({"code": VOUCHER}),
    ("POST", f"{API}/sandbox/topups/{{transaction_id}}"): Example({"outcome": "delivered"}),
    ("POST", f"{API}/sandbox/fund"): Example({"amount_cents": 100000}),
    ("POST", f"{API}/sandbox/clock"): Example({"advance_s": 86400}),
    ("POST", f"{API}/codes/redeem"): Example({"code": "TOPUP-7Q3X-9KVM-2C8R"}),
    ("POST", f"{API}/usage"): Example({"credits": 250, "description": "A summary", "model": "m-1"}),
    ("POST", f"{API}/holds/{{hold_id}}/extend"): Example({"ttl_s": 600}),
    ("POST", f"{API}/holds"): Example({"credits": 1000, "description": "A chat", "ttl_s": 600}),
    ("POST", f"{API}/holds/{{hold_id}}/capture"): Example({"credits": 640}),
    ("POST", f"{API}/orders"): Example({"provider": "stripe", "amount_cents": 1000}),
    ("PUT", f"{API}/billing/details"): Example(
        {"name": "Buyer Ltd", "address": "Road 2\nLondon", "tax_id": "GB123456789"}
    ),
    ("POST", f"{API}/subscriptions/{{subscription_id}}/cancel"): Example({"at": "period_end"}),
    ("POST", f"{API}/subscriptions/{{subscription_id}}/pause"): Example(
        {"resumes_at": "2030-01-01T00:00:00Z"}
    ),
    ("POST", f"{API}/subscriptions/{{subscription_id}}/change"): Example(
        {"plan_id": "team", "interval": "month"}
    ),
    ("POST", f"{API}/subscriptions/{{subscription_id}}/free-periods"): Example(
        {"reason": "our provider was away"}
    ),
    (
        "POST",
        f"{API}/subscriptions/{{subscription_id}}/free-periods/{{period_id}}/revoke",
    ): Example({"reason": "given to the wrong account"}),
    ("POST", f"{API}/orders/{{order_id}}/refund"): Example(
        {"amount": 500, "reason": "bought twice"}
    ),
    ("POST", f"{API}/refunds/{{refund_id}}/decide"): Example(
        {"verdict": "made", "provider_refund_id": "re_1Q8xyz", "reason": "seen at Stripe"}
    ),
    ("POST", f"{API}/fulfilment/{{transaction_id}}"): Example(
        {
            "transaction_id": TRANSACTION,
            "status": "delivered",
            "deliverable": {
                "kind": "code",
                "value": "GIFT-7Q3X-9KVM",
                "redeem_url": "https://vendor.example/redeem",
            },
        }
    ),
    ("POST", f"{API}/entitlements/{{entitlement_name}}/use"): Example({"reference": "export-1001"}),
    ("POST", f"{API}/keys"): Example(_MANDATE),
    ("PUT", f"{API}/account/limits"): Example({"per_day_cents": 100000}),
    ("PATCH", f"{API}/keys/{{key_id}}"): Example(
        {"approval_above_cents": 20000, "approval_above_per_day_cents": 100000}
    ),
    ("POST", f"{API}/keys/{{key_id}}/rotate"): Example({"overlap_s": 3600}),
    ("POST", f"{API}/tokens"): Example({"name": "Billing page"}),
    ("DELETE", f"{API}/tokens"): Example({"id": "tok_abc123"}),
    ("POST", f"{API}/webhooks/register"): Example(
        {"url": "https://example.com/hook", "events": ["topup.delivered", "topup.failed"]}
    ),
    ("PATCH", f"{API}/webhooks/{{endpoint_id}}"): Example({"retry_schedule_s": [0, 60, 3600]}),
    ("POST", f"{API}/webhooks/{{endpoint_id}}/rotate-secret"): Example({"overlap_s": 86400}),
    ("POST", f"{API}/webhooks/{{endpoint_id}}/test"): Example({"event": "topup.delivered"}),
    ("POST", f"{API}/webhooks/{{endpoint_id}}/certify"): Example(
        {"effects_url": "https://test.example.com/orders/count"}
    ),
    ("POST", f"{API}/webhooks/{{endpoint_id}}/replay"): Example(
        {"since": "2026-06-13T00:00:00Z", "status": "failed", "dry_run": True}
    ),
    ("POST", f"{API}/webhooks/verify"): Example(
        {
            "headers": {"X-AiTopUp-Signature": "t=1765432100,v1=5257a869e7"},
            "body": '{"id":"evt_abc123"}',
            "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        }
    ),
}

# As an endpoint without include_codes gets it.
EVENT_EXAMPLE: Final = {
    "id": "evt_abc123",
    "type": "topup.delivered",
    "created_at": TIME,
    "environment": "staging",
    "api_version": "v1",
    "sequence": 7,
    "data": {
        "transaction_id": TRANSACTION,
        "status": "delivered",
        "platform": "claude",
        "amount_cents": 1000,
        "fee_cents": 0,
        "charged_cents": 1000,
        "recipient_email": EMAIL,
        "voucher_code": None,
        "voucher_code_hint": VOUCHER[-4:],
        "deliverable": {
            "kind": "credit",
            "value": None,
            "value_hint": None,
            "redeem_url": None,
            "instructions": None,
            "expires_at": None,
        },
        "new_balance_cents": 5400,
        "reference": None,
        "metadata": {},
        "key_id": "key_abc123",
        "key_name": "Shop",
    },
}
