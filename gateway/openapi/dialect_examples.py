"""Examples of the dialects' bodies, by method and path; each vendor's words are in
gateway/docs/text/dialects.md.
"""

from typing import Any, Final

DIALECT_BODIES: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("POST", "/api/user/pay"): {"amount": 10},
    ("POST", "/api/user/topup"): {"key": "TOPUP-7Q3X-9KVM-2C8R"},
    ("POST", "/api/billing/topup"): {"pack_id": "pack_starter"},
    ("POST", "/api/v1/user/oauth/issue-token"): {
        "client_id": "app_abc123",
        "client_secret": "secret_abc123",
        "code": "7Q3X9KVM2C8RT5WA",
    },
    ("POST", "/api/v1/user/oauth/charge"): {
        "amount": "0.25",
        "remark": "A summary",
        "order_no": "1001",
    },
    ("POST", "/api/v1/pay/oa/stripe/create-order"): {"amount": "10.00", "product_id": "10001"},
    ("POST", "/api/v1/pay/oa/stripe/create-invoice-order"): {
        "amount": "10.00",
        "product_id": "10001",
    },
    ("POST", "/payment/create-session"): {
        "channel": "stripe",
        "type": "topup",
        "amount_cents": 1000,
    },
    ("POST", "/subscription/portal"): {"return_url": "https://app.example.com/billing"},
    ("POST", "/admin/billing/plans"): {
        "id": "scale",
        "name": "Scale",
        "price_monthly": 4900,
        "credits_included": 60000,
    },
    ("PUT", "/admin/billing/plans/{plan_id}"): {"features": ["Priority support"]},
    ("POST", "/admin/billing/coupons"): {"code": "SUMMER", "percent": 10},
    ("POST", "/admin/credits/manual"): {
        "account_id": "acc_abc123",
        "amount": 500,
        "reason": "for the wait",
    },
    ("PUT", "/admin/checkin/config"): {
        "enabled": True,
        "min_credits": 5,
        "max_credits": 9,
        "daily_budget_credits": 10000,
    },
}
