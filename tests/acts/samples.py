"""What each act is asked for in the test of all doors: a call that succeeds, and calls that are refused.

`{door}` in a value is the door's own word, so that two doors make no object twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Sample:
    """One call. is_again: it is made twice, and changes nothing the second time. after: an act that is done to the
    object first.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    is_again: bool = False
    after: str = ""


PACK: Final = {"id": "pack_{door}", "name": "Mini", "price": "5.00", "credits": 5_500}
KEY: Final = {"name": "agent", "scopes": ["topup:send"], "per_day_cents": 5_000}
TOKEN: Final = {"kind": "system", "name": "deploys"}

# By subject: the act that makes the object which the other acts of the subject are about.
OBJECTS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "packs": ("packs.create", {**PACK, "id": "pack_of_{door}"}),
    "keys": ("keys.create", KEY),
    "tokens": ("tokens.create", TOKEN),
}
GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "packs.list": (Sample({"all": True}),),
    "packs.create": (Sample({**PACK, "bonus_credits": 500, "popular": True}),),
    "packs.disable": (Sample(is_again=True),),
    "packs.enable": (Sample(is_again=True, after="packs.disable"),),
    "keys.create": (
        Sample(KEY),
        Sample(
            {
                "scopes": ["topup:send"],
                "preset": "agent",
                "per_day_cents": 100,
                "approval_above_per_day_cents": 50,
            }
        ),
        Sample(
            {
                "scopes": ["topup:read"],
                "windows": [{"seconds": 3_600, "cents": 500}],
                "platforms": ["claude"],
            }
        ),
    ),
    "keys.list": (Sample({"limit": 1}),),
    "keys.show": (Sample(),),
    "keys.set": (
        Sample({"per_day_cents": 700, "recipients": ["*@acme.example"]}, is_again=True),
        Sample({"per_day_cents": None}),
    ),
    "keys.rotate": (Sample({"overlap_s": 60}),),
    "keys.pause": (Sample(is_again=True),),
    "keys.resume": (Sample(is_again=True, after="keys.pause"),),
    "keys.revoke": (Sample(is_again=True),),
    "keys.tree": (Sample(),),
    "tokens.create": (Sample(TOKEN), Sample({"kind": "system"})),
    "tokens.list": (Sample({"kind": "system", "limit": 1}),),
    "tokens.show": (Sample(),),
    "tokens.revoke": (Sample(is_again=True),),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "packs.create": (
        {**PACK, "credits": 0},
        {**PACK, "id": "PACK PRO"},
        {**PACK, "price": "1e3"},
        {**PACK, "currency": "BITCOIN"},
        {**PACK, "bonus_credits": 5_500},
    ),
    "keys.create": (
        {"name": ""},
        {"scopes": ["everything"]},
        {"platforms": ["clade"]},
        {"per_day_cents": -1},
        {"preset": "agent"},
        {"windows": [{"seconds": 1, "cents": 5}]},
    ),
    "keys.set": ({"platforms": ["zzz"]}, {"per_day_cents": -1}, {"recipients": ["nobody"]}),
    "keys.rotate": ({"overlap_s": -1},),
    "tokens.create": ({**TOKEN, "name": ""}, {"kind": "root"}),
    "tokens.list": ({"kind": "root"},),
}
