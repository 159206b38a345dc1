"""The events that MCP clients can follow, and the one argument that narrows each. Pure."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec

from kernel.errors import InvalidInput
from webhooks.events.schemas import TYPES

# What concerns an agent that sends, or waits for credit.
NAMES: Final = (
    "topup.delivered",
    "topup.failed",
    "topup.cancelled",
    "topup.pending",
    "topup.claimed",
    "topup.scheduled",
    "topup.reversed",
    "approval.requested",
    "approval.approved",
    "approval.denied",
    "approval.cancelled",
    "approval.expired",
    "key.cap_near",
    "key.cap_reached",
    "balance.low",
    "order.paid",
    "order.failed",
    "batch.completed",
)
# The field of an event's data that an argument of the same name must equal.
_NARROWS: Final = {"transaction_id": "Only this top-up: txn_…", "key_id": "Only this key: key_…"}
_VALUE_CHARACTERS_MAX: Final = 64
# A reader of the list needs names and types; the words are in the docs.
_DROPPED: Final = frozenset(
    {"description", "title", "examples", "pattern", "minLength", "maxLength"}
)


class EventKind(NamedTuple):
    name: str
    description: str
    # Its argument, or None.
    argument: str | None

    def input_schema(self) -> dict[str, Any]:
        argument = self.argument
        properties = (
            {}
            if argument is None
            else {argument: {"type": "string", "description": _NARROWS[argument]}}
        )
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def payload_schema(self) -> dict[str, Any]:
        return dict(_compact(msgspec.json.schema(TYPES[self.name].data)))

    def filter_of(self, arguments: Mapping[str, Any]) -> dict[str, list[str]] | None:
        """Return the endpoint's filter; raise InvalidInput for arguments outside input_schema."""
        for name, value in arguments.items():
            if name != self.argument:
                allowed = self.argument or "no arguments"
                raise InvalidInput(f"{self.name} takes {allowed}.", param=f"arguments.{name[:64]}")
            if not isinstance(value, str) or not 1 <= len(value) <= _VALUE_CHARACTERS_MAX:
                raise InvalidInput(
                    f"`{name}` must be a string of 1 to {_VALUE_CHARACTERS_MAX} characters.",
                    param=f"arguments.{name}",
                )
        return {name: [value] for name, value in arguments.items()} or None


@cache
def kinds() -> Mapping[str, EventKind]:
    found = {}
    for name in NAMES:
        fields = {one.encode_name for one in msgspec.structs.fields(TYPES[name].data)}
        argument = next((one for one in _NARROWS if one in fields), None)
        # A top-up's events name the key that sent it, too; its own id is what an agent knows.
        found[name] = EventKind(name, TYPES[name].sentence, argument)
    return found


def _compact(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_compact(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for name, value in schema.items():
        if name in {"properties", "$defs"}:
            kept[name] = {key: _compact(one) for key, one in value.items()}
        elif name not in _DROPPED:
            kept[name] = _compact(value)
    return kept
