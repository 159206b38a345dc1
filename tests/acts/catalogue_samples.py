"""The samples of what is sold: packs, coupons, codes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.acts.sample import Sample

PACK: Final = {"id": "pack_{door}", "name": "Mini", "price": "5.00", "credits": 5_500}
CODES: Final = {"credits": 1_000, "count": 2, "name": "of {door}"}
PLAN: Final = {
    "id": "plan_{door}",
    "name": "Pro",
    "price_monthly": "20.00",
    "credits_included": 20_000,
}
COUPON: Final = {"code": "SUMMER-{door}", "percent": 25}

OBJECTS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "packs": ("packs.create", {**PACK, "id": "pack_of_{door}"}),
    "coupons": ("coupons.create", COUPON),
    "plans": ("plans.create", {**PLAN, "id": "plan_of_{door}"}),
    "code-batches": ("code-batches.create", CODES),
}
GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "packs.list": (Sample({"all": True}),),
    "packs.create": (Sample({**PACK, "bonus_credits": 500, "popular": True}),),
    "packs.disable": (Sample(is_again=True),),
    "packs.enable": (Sample(is_again=True, after="packs.disable"),),
    "checkin.show": (Sample(),),
    "checkin.set": (
        Sample({"enabled": True, "credits_min": 50, "credits_max": 80}, is_again=True),
        Sample({"credits_max": None, "daily_budget_credits": None}),
        # As every gateway begins.
        Sample(
            {
                "credits_min": 100,
                "credits_max": 100,
                "streak_bonus_credits": 10,
                "streak_days_max": 7,
                "daily_budget_credits": 1_000_000,
            }
        ),
    ),
    "plans.list": (Sample({"all": True}),),
    "plans.show": (Sample(),),
    "plans.create": (
        Sample(PLAN),
        Sample(
            {
                **PLAN,
                "id": "max_{door}",
                "description": "For teams",
                "price_yearly": "200.00",
                "currency": "usd",
                "trial_days": 7,
                "trial_credits": 100,
                "features": ["AI chat", "Support"],
                "credit_expires": "period_end",
                "rollover_max_credits": 500,
                "grants": "monthly",
                "on_repurchase": "extend",
                "when_used_up": "stop",
                "entitlements": ["exports=100/month", "api=yes"],
                "position": 3,
            }
        ),
    ),
    "plans.set": (
        Sample({"price_monthly": "25.00", "price_yearly": "250.00"}, is_again=True),
        Sample({"trial_days": 14, "trial_credits": 500}),
        Sample({"trial_days": 0}),
        Sample({"price_yearly": None, "description": "Less"}),
    ),
    "plans.disable": (Sample(is_again=True),),
    "plans.enable": (Sample(is_again=True, after="plans.disable"),),
    "prices.list": (Sample(),),
    "code-batches.create": (
        Sample(CODES),
        Sample(
            {
                "credits": 5,
                "count": 3,
                "uses": 2,
                "promotional": True,
                "days": 30,
                "expires_at": "2999-01-31T00:00:00Z",
            }
        ),
    ),
    "code-batches.list": (Sample({"limit": 1}),),
    "code-batches.show": (Sample(),),
    "code-batches.disable": (Sample(is_again=True),),
    "codes.list": (Sample({"limit": 1}),),
    "codes.show": (Sample(),),
    "codes.disable": (Sample(is_again=True),),
    "coupons.list": (Sample({"limit": 1}),),
    "coupons.create": (
        Sample(COUPON),
        Sample(
            {
                "code": "five-{door}",
                "amount_off": "1.500",
                "minimum": "20",
                "currency": "kwd",
                "uses_max": 100,
                "uses_per_account": 1,
                "expires_at": "2999-01-31T00:00:00Z",
            }
        ),
    ),
    "coupons.disable": (Sample(is_again=True),),
    "coupons.enable": (Sample(is_again=True, after="coupons.disable"),),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "packs.create": (
        {**PACK, "credits": 0},
        {**PACK, "id": "PACK PRO"},
        {**PACK, "price": "1e3"},
        {**PACK, "currency": "BITCOIN"},
        {**PACK, "bonus_credits": 5_500},
    ),
    "plans.create": (
        {**PLAN, "credits_included": 0},
        {**PLAN, "id": "a b"},
        {**PLAN, "price_monthly": "x"},
        {**PLAN, "currency": "ABCD"},
        {**PLAN, "trial_days": -1},
        {**PLAN, "trial_credits": 5},
        {**PLAN, "entitlements": ["x=y"]},
        {**PLAN, "rollover_max_credits": 5},
        {**PLAN, "credit_expires": "soon"},
    ),
    "plans.set": (
        {"trial_days": -1},
        {"currency": "EUR"},
        {"grants": "weekly"},
        {"entitlements": ["exports"]},
    ),
    "code-batches.create": (
        {"credits": 0},
        {"credits": 100_000_001},
        {"credits": 5, "count": 0},
        {"credits": 5, "count": 10_001},
        {"credits": 5, "uses": 0},
        {"credits": 5, "days": 7},
        {"credits": 5, "promotional": True, "days": 0},
        {"credits": 5, "expires_at": "2020-01-31T00:00:00Z"},
        {"credits": 5, "expires_at": "tomorrow"},
        {"credits": 5, "name": "x" * 81},
    ),
    "codes.list": ({"last4": "abcde"}, {"cursor": "rdb_1"}),
    "prices.list": ({"model": "none"},),
    "checkin.set": ({"credits_min": 0}, {"credits_max": 5}, {"streak_days_max": 366}),
    "coupons.create": (
        {"code": "TEN"},
        {"code": "TEN", "percent": 101},
        {"code": "TEN", "percent": 5, "amount_off": "5.00"},
        {"code": "A B", "percent": 5},
        {"code": "TEN", "amount_off": "five"},
        {"code": "TEN", "amount_off": "5", "currency": "BITCOIN"},
        {"code": "TEN", "percent": 5, "expires_at": "2020-01-31T00:00:00Z"},
    ),
}
