"""One call in curl, Python and JavaScript, made from its example in the OpenAPI document. Pure."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_PARAM = re.compile(r"\{(\w+)\}")
_IDS: Final[Mapping[str, str]] = {
    "transaction_id": "txn_abc123",
    "endpoint_id": "we_abc123",
    "event_id": "evt_abc123",
    "delivery_id": "dlv_abc123",
    "replay_id": "rpl_abc123",
    "key_id": "key_abc123",
    "token_id": "tok_abc123",
    "approval_id": "apr_abc123",
    "hold_id": "hld_abc123",
    "order_id": "ord_abc123",
    "code": "ATU-7Q3X-9KVM-2C8R-T5WA-H4NB",
}
# Each item on a line of its own, none of it with brackets or spaces inside.
_FLAT_LIST = re.compile(r"\[\n((?:\s+[^\s\[\]{}]+\n)+)\s*\]")
FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Call:
    """What a sample shows: body is JSON values, or null where none is sent."""

    method: str
    url: str
    body: Mapping[str, Any] | None
    is_form: bool
    needs_key: bool
    takes_idempotency_key: bool


def call_of(
    server: str, template: str, method: str, operation: Mapping[str, Any], parameters: Any
) -> Call:
    """The call of an operation with its example; parameters resolves a reference."""
    content = operation.get("requestBody", {}).get("content", {})
    kind = next(iter(content), "")
    body = content.get(kind, {}).get("example")
    path = _PARAM.sub(lambda match: _IDS.get(match[1], match[1]), template)
    names = {parameters(one)["name"] for one in operation["parameters"]}
    return Call(
        method=method.upper(),
        url=server.rstrip("/") + path,
        body=body,
        is_form=kind == FORM,
        needs_key=bool(operation["security"]),
        takes_idempotency_key="Idempotency-Key" in names,
    )


def curl(call: Call) -> str:
    """A line for a shell that has the key in $KEY."""
    command = ["curl"]
    if call.method != "GET":
        command.append(f"-X {call.method}")
    lines = [" ".join([*command, shlex.quote(call.url)])]
    if call.needs_key:
        lines.append('-H "Authorization: Bearer $KEY"')
    if call.takes_idempotency_key:
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if call.body is not None and call.is_form:
        lines += [f"--data-urlencode {shlex.quote(f'{k}={v}')}" for k, v in call.body.items()]
    elif call.body is not None:
        lines.append('-H "Content-Type: application/json"')
        lines.append(f"-d {shlex.quote(_indented(_json(call.body)))}")
    return " \\\n  ".join(lines)


def python(call: Call) -> str:
    """A script; it needs httpx and the key in the environment as KEY."""
    imports = ["import os"] if call.needs_key else []
    headers = {}
    if call.needs_key:
        headers["Authorization"] = "f\"Bearer {os.environ['KEY']}\""
    if call.takes_idempotency_key:
        imports.append("import uuid")
        headers["Idempotency-Key"] = "str(uuid.uuid4())"
    lines = [*imports, *([""] if imports else []), "import httpx", "", "answer = httpx.request("]
    lines.append(f'    "{call.method}",')
    lines.append(f'    "{call.url}",')
    if headers:
        shown = ", ".join(f'"{name}": {value}' for name, value in headers.items())
        lines.append(f"    headers={{{shown}}},")
    if call.body is not None:
        lines.append(f"    {'data' if call.is_form else 'json'}={_literal(dict(call.body))},")
    return "\n".join([*lines, ")", "print(answer.status_code, answer.json())"])


def javascript(call: Call) -> str:
    """A module for Node 18 or later, or any browser; it needs the key in the environment as KEY."""
    headers = []
    if call.needs_key:
        headers.append("    Authorization: `Bearer ${process.env.KEY}`,")
    if call.takes_idempotency_key:
        headers.append('    "Idempotency-Key": crypto.randomUUID(),')
    if call.body is not None and not call.is_form:
        headers.append('    "Content-Type": "application/json",')
    lines = [f'const answer = await fetch("{call.url}", {{', f'  method: "{call.method}",']
    if headers:
        lines += ["  headers: {", *headers, "  },"]
    if call.body is not None:
        maker = "new URLSearchParams" if call.is_form else "JSON.stringify"
        lines.append(f"  body: {maker}({_indented(_json(call.body))}),")
    return "\n".join([*lines, "});", "console.log(answer.status, await answer.json());"])


def pretty(value: Any) -> str:
    """JSON for people: a list of plain values stays on its line."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _FLAT_LIST.sub(lambda match: f"[{' '.join(match[1].split())}]", text)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else pretty(value)


def _literal(value: Any, pad: str = "    ") -> str:
    """A JSON value as Python writes it; pad: the indentation of its line."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict) or not value:
        return repr(value)
    inner = pad + "    "
    rows = [f"{json.dumps(name)}: {_literal(item, inner)}" for name, item in value.items()]
    flat = "{" + ", ".join(rows) + "}"
    if len(flat) <= 60:
        return flat
    return "\n".join(["{", *(f"{inner}{row}," for row in rows), f"{pad}}}"])


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
