"""Examples of keys: a listed one, a new one with a mandate, and what such a key may do now."""

from typing import Any, Final

from keys.mandate import NUMBERS

_TIME: Final = "2026-06-13T12:00:00Z"

KEY: Final[dict[str, Any]] = {
    "id": "key_abc123",
    "parent_id": None,
    "environment": "staging",
    "name": "Sandbox",
    "prefix": "ak_staging_7Q3X9",
    "last4": "H4NB",
    "scopes": ["topup:send", "topup:read"],
    "caps": {"per_call_cents": None, "per_day_cents": None, "per_month_cents": None},
    "ip_allow_list": [],
    "approval_above_cents": None,
    "approval_above_per_day_cents": None,
    "approval_threshold_cents": None,
    "purpose": None,
    "client_id": None,
    "lifetime_cents": None,
    "platforms": None,
    "recipients": None,
    "windows": [],
    **dict.fromkeys(fact.name for fact in NUMBERS),
    "expires_at": None,
    "created_at": _TIME,
    "last_used_at": None,
    "paused_at": None,
    "revoked_at": None,
}
MANDATE: Final[dict[str, Any]] = {
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
OWN_KEY: Final[dict[str, Any]] = {
    "id": "key_abc123",
    "name": "Onboarding agent",
    "purpose": "Credit for new colleagues",
    "environment": "staging",
    "parents": [],
    "paused": False,
    "scopes": ["topup:send", "topup:read"],
    "ip_allow_lists": [],
    "platforms": ["claude"],
    "recipients": ["*@acme.example"],
    "per_call_cents": None,
    "per_recipient_per_day_cents": 2000,
    "repeat_guard_s": 600,
    "approval_above_cents": 1500,
    "approval_above_per_day_cents": 10000,
    "limits": [
        {
            "key_id": "key_abc123",
            "cap": "window",
            "unit": "cents",
            "seconds": 3600,
            "limit": 5000,
            "spent": 1200,
            "remaining": 3800,
            "resets_at": "2026-06-13T12:42:00Z",
        }
    ],
    "max_now_cents": 3800,
    "expires_at": "2036-01-01T00:00:00Z",
}
