"""The tools for agents: each is one call of the API, with the same fields and the same answer.

Invariant: a tool has no rules of its own. Its input schema is the route's body, its output schema
the envelope with the route's own shapes, its work the route's handler (gateway/internal_client.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec
from mcp_types import Tool, ToolAnnotations

from gateway.answers.envelope import Envelope
from gateway.api.bodies.send_body import SendBody, ValidateBody
from gateway.api.topups import CancelBody
from gateway.http.fields import Fields, Shape
from gateway.http.routing import Router
from gateway.openapi.schemas import Schemas, pruned
from gateway.surfaces import API, API_PREFIX
from kernel.errors import InvalidInput, NotFound
from kernel.limits import IDEMPOTENCY_KEY_CHARACTERS_MAX

KEY: Final = "idempotency_key"
_KEY_SCHEMA: Final = {
    "type": "string",
    "pattern": "^[!-~]+$",
    "minLength": 1,
    "maxLength": IDEMPOTENCY_KEY_CHARACTERS_MAX,
    "description": (
        "Any text of your own for this one action. Give the same one when you repeat the call after"
        " a lost answer: it gets the first answer, and nothing happens twice."
    ),
}
_BAD: Final = 400


@dataclass(frozen=True, slots=True)
class ApiTool:
    """One tool and the call behind it; arguments are the body's fields or those of the path."""

    name: str
    title: str
    description: str
    method: str
    path: str
    arguments: type[Fields]
    hints: ToolAnnotations
    takes_key: bool = False

    def call_of(self, given: Mapping[str, Any]) -> tuple[str, dict[str, Any], str | None]:
        """The path, the body and the idempotency key; raises InvalidInput and NotFound."""
        rest = dict(given)
        key = rest.pop(KEY, None) if self.takes_key else None
        if key is not None and not isinstance(key, str):
            raise InvalidInput("expected a string", param=KEY)
        if self.method == "POST":
            return self.path, rest, key
        fields = Shape(self.arguments).decode(msgspec.json.encode(rest), None)
        values = msgspec.structs.asdict(fields)
        # A value with a slash would be another path.
        if any("/" in str(value) for value in values.values()):
            raise NotFound("Transaction")
        return self.path.format(**values), {}, None


TOOLS: Final[Mapping[str, ApiTool]] = {
    tool.name: tool
    for tool in (
        ApiTool(
            "send_topup",
            "Send a top-up",
            "Sends prepaid AI credit to a recipient's wallet and spends the account's own. Code 1001:"
            " delivered. 1002: pending, ask get_status. 3006: a person has to approve at"
            " data.approval.url. Give an idempotency_key, and the same one when you repeat the call.",
            "POST",
            "/topup/send",
            SendBody,
            ToolAnnotations(
                read_only_hint=False,
                destructive_hint=True,
                idempotent_hint=False,
                open_world_hint=True,
            ),
            takes_key=True,
        ),
        ApiTool(
            "validate_topup",
            "Rehearse a top-up",
            "What send_topup would answer and cost now, by the same rules; nothing is written. Its"
            " quote_id, given to send_topup within ten minutes, keeps that price.",
            "POST",
            "/topup/validate",
            ValidateBody,
            ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
        ),
        ApiTool(
            "cancel_topup",
            "Cancel a top-up",
            "Takes a pending top-up back; its funds return to the wallet.",
            "POST",
            "/topup/cancel",
            CancelBody,
            ToolAnnotations(
                read_only_hint=False,
                destructive_hint=True,
                idempotent_hint=True,
                open_world_hint=False,
            ),
            takes_key=True,
        ),
        ApiTool(
            "get_status",
            "See a top-up",
            "A top-up's state (1001 delivered, 1002 pending, 3001 cancelled, 3005 failed, 3007 reversed) with its"
            " ledger transfers and events.",
            "GET",
            "/topup/status/{transaction_id}",
            CancelBody,
            ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
        ),
        ApiTool(
            "get_balance",
            "See the balance",
            "The account's wallet in US cents, and what this key may still spend.",
            "GET",
            "/topup/balance",
            Fields,
            ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
        ),
    )
}


@cache
def listed() -> list[Tool]:
    """The tools as a client lists them."""
    return [
        Tool(
            name=tool.name,
            title=tool.title,
            description=tool.description,
            input_schema=_input_schema(tool),
            output_schema=_output_schema(tool),
            annotations=tool.hints,
        )
        for tool in TOOLS.values()
    ]


def _input_schema(tool: ApiTool) -> dict[str, Any]:
    schema = dict(Schemas([tool.arguments]).body_of(tool.arguments))
    if tool.takes_key:
        schema["properties"] = {**schema["properties"], KEY: _KEY_SCHEMA}
    return {name: value for name, value in schema.items() if name != "description"}


def _output_schema(tool: ApiTool) -> dict[str, Any]:
    """The envelope of every way to succeed, whole in itself."""
    resource, _ = Router((API,)).find(API_PREFIX + tool.path) or (None, None)
    assert resource is not None, f"{tool.name}: no route {tool.path}"
    outcomes = [one for one in resource.route(tool.method).answers if one.http_status < _BAD]
    schemas = Schemas([Envelope, *(one.data for one in outcomes)])
    codes = sorted({code for one in outcomes for code in one.codes})
    choices = list({str(one.data): schemas.of(one.data) for one in outcomes}.values())
    data = choices[0] if len(choices) == 1 else {"anyOf": choices}
    envelope = schemas.body_of(Envelope)
    narrowed = {"code": {"type": "integer", "enum": codes}, "data": data}
    made = {
        "type": "object",
        "required": envelope["required"],
        "properties": {**envelope["properties"], **narrowed},
    }
    inner = pruned(schemas.components, made)
    text = msgspec.json.encode({**made, "$defs": inner})
    return dict(msgspec.json.decode(text.replace(b"#/components/schemas/", b"#/$defs/")))
