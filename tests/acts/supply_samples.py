"""Samples of what credit is sent to, what it costs, and who supplies it; see samples.py."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.acts.sample import Sample

PLATFORM: Final = {"id": "gpt-{door}", "name": "GPT"}

SUPPLIER: Final = {
    "id": "own-{door}",
    "kind": "openrouter",
    "options": {"timeout_s": "5"},
    "secrets": {"management_key": "sk-or-v1-0123456789"},
}

OBJECTS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "platforms": ("platforms.create", {"id": "of-{door}"}),
    "suppliers": ("suppliers.create", {**SUPPLIER, "id": "of-{door}"}),
    "fees": ("platforms.create", {"id": "of-{door}"}),
}
FIRST_LINE: Final = "platform,amount_cents,code"
CODES: Final = f"{FIRST_LINE}\nclaude,1000,GIFT-{{door}}-0001\nclaude,500,GIFT-{{door}}-0002\n"

GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "suppliers.kinds": (Sample(),),
    "suppliers.list": (Sample(),),
    "suppliers.check": (Sample(), Sample({"supplier": "wallet"})),
    "suppliers.show": (Sample(),),
    "suppliers.create": (
        Sample(SUPPLIER),
        Sample({"id": "like-{door}", "kind": "http", "simulated": True}),
        Sample({"id": "hand-{door}", "kind": "manual"}),
    ),
    "suppliers.set": (
        Sample({"options": {"workspace_id": "w1", "timeout_s": "7"}}),
        Sample({"secrets": {"management_key": "sk-or-v1-9876543210"}}),
        Sample({"options": {"workspace_id": None}, "despite_open_attempts": True}),
    ),
    "suppliers.disable": (Sample(is_again=True),),
    "suppliers.enable": (Sample(is_again=True, after="suppliers.disable"),),
    "suppliers.pause": (Sample({"reason": "they asked us to"}),),
    "suppliers.resume": (
        Sample({"reason": "it answers again"}, after="suppliers.pause", first={"reason": "down"}),
    ),
    "stock.add": (Sample({"supplier": "cards", "codes": CODES}, is_again=True),),
    "stock.list": (Sample(),),
    "stock.low": (Sample(), Sample({"all": True})),
    "platforms.list": (Sample(),),
    "platforms.show": (Sample(),),
    "platforms.create": (
        Sample({"id": "plain-{door}"}),
        Sample(
            {
                **PLATFORM,
                "min_amount_cents": 500,
                "max_amount_cents": 50_000,
                "suppliers": ["wallet"],
            }
        ),
    ),
    "platforms.set": (
        Sample({"name": "MJ", "max_amount_cents": 40_000, "suppliers": ["wallet"]}, is_again=True),
        Sample({"suppliers": None}),
    ),
    "platforms.disable": (Sample(is_again=True),),
    "platforms.enable": (Sample(is_again=True, after="platforms.disable"),),
    "fees.list": (Sample(),),
    "fees.set": (
        Sample({"fixed_cents": 30, "basis_points": 250}, is_again=True),
        Sample({"min_cents": 50, "max_cents": 2_000}),
        Sample({"account": "merchant@example.com"}, is_again=True),
    ),
    "fees.clear": (Sample(after="fees.set"),),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "suppliers.create": (
        SUPPLIER,
        {**SUPPLIER, "id": "A B"},
        {**SUPPLIER, "id": "odd", "kind": "odd"},
        {**SUPPLIER, "id": "odd", "simulated": True},
        {"id": "odd", "kind": "openrouter"},
        {**SUPPLIER, "id": "odd", "options": {"base_url": "localhost:80"}},
        {**SUPPLIER, "id": "odd", "options": {"management_key": "sk-or-v1-0123456789"}},
    ),
    "suppliers.set": (
        {"options": {"timeout_s": "61"}},
        {"options": {"nonsense": "1"}},
        {"options": {"management_key": "sk-or-v1-0123456789"}},
        {"secrets": {"timeout_s": "5"}},
        {"secrets": {"management_key": None}},
    ),
    "suppliers.check": ({"supplier": "none"},),
    "suppliers.pause": ({"reason": " "}, {"reason": "x" * 201}, {"reason": "paused before"}),
    "suppliers.resume": ({"reason": " "}, {"reason": "x" * 201}, {"reason": "in use"}),
    "stock.add": (
        {"supplier": "none", "codes": CODES},
        {"supplier": "wallet", "codes": CODES},
        {"supplier": "cards", "codes": FIRST_LINE},
        {"supplier": "cards", "codes": f"{FIRST_LINE}\nclaude,-5,GIFT-3\n"},
        {"supplier": "cards", "codes": f"{FIRST_LINE}\nnone,500,GIFT-3\n"},
        {"supplier": "cards", "codes": "platform,code\nclaude,GIFT-3\n"},
    ),
    "platforms.create": (
        {**PLATFORM, "id": "A B"},
        {**PLATFORM, "name": "x" * 81},
        {**PLATFORM, "min_amount_cents": 0},
        {**PLATFORM, "min_amount_cents": 500, "max_amount_cents": 100},
        {**PLATFORM, "max_amount_cents": 100_000_001},
        {**PLATFORM, "suppliers": ["none"]},
        {**PLATFORM, "suppliers": ["wallet", "wallet"]},
    ),
    "platforms.set": (
        {"name": ""},
        {"min_amount_cents": 200_000},
        {"suppliers": ["wallet", "none"]},
    ),
    "fees.set": (
        {"fixed_cents": -1},
        {"basis_points": 10_001},
        {"min_cents": 2, "max_cents": 1},
        {"account": "nobody@example.com"},
        {"account": "acc_0000000000000000"},
    ),
    "fees.clear": ({}, {"account": "merchant@example.com"}),
}
