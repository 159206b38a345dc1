"""Presets: default limits of a key for one kind of holder. Pure.

A preset fills limits with sensible values, and requires those that only the maker can know. Explicit values
win. It counts when the key is made; later changes are as for any key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from kernel.errors import InvalidInput

PresetName = Literal["agent", "reader", "checkout"]
REPEAT_GUARD_S: Final = 600


@dataclass(frozen=True, slots=True)
class Preset:
    """says: what such a key does. fills: fields and values. asks: fields with a suggestion in cents."""

    says: str
    fills: Mapping[str, Any]
    asks: Mapping[str, int] = field(default_factory=dict)


PRESETS: Final[Mapping[str, Preset]] = {
    # An agent may plan again, and unknowingly send the same again.
    "agent": Preset(
        "Sends within a daily limit, waits for a person above a daily total, and blocks duplicate sends for"
        " 10 minutes.",
        fills={"repeat_guard_s": REPEAT_GUARD_S},
        asks={"per_day_cents": 5_000, "approval_above_per_day_cents": 2_000},
    ),
    "reader": Preset(
        "Reads top-ups, orders, usage and events, but no codes, and spends nothing.",
        fills={"scopes": ("topup:read", "webhooks:read", "billing:read", "usage:read")},
    ),
    "checkout": Preset(
        "Makes orders that payers pay and reads what became of them; sends nothing from your wallet.",
        fills={"scopes": ("billing:read", "billing:write", "webhooks:read")},
    ),
}
assert PRESETS.keys() == set(get_args(PresetName)), "each preset has its row"
_MEANS: Final = {
    "per_day_cents": "the most that the key spends on a UTC day",
    "approval_above_per_day_cents": "what it sends on a UTC day before a person decides",
}


def preset_fills(named: str | None, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the preset's limits that the new key doesn't set; raise InvalidInput with each that it has to
    set.
    """
    if named is None:
        return {}
    preset = PRESETS.get(named)
    if preset is None:
        raise InvalidInput(f"`preset` must be one of {', '.join(PRESETS)}.", param="preset")
    missing = [
        {
            "param": name,
            "detail": f"Required by the preset {named}: {_MEANS[name]}, such as {suggested}.",
            "example": suggested,
        }
        for name, suggested in preset.asks.items()
        if said.get(name) is None
    ]
    if missing:
        both = " and ".join(f"{one['param']} (such as {one['example']})" for one in missing)
        raise InvalidInput(
            f"A key with preset {named} needs {both}, in US cents.",
            param=str(missing[0]["param"]),
            errors=missing,
        )
    return {name: value for name, value in preset.fills.items() if said.get(name) is None}
