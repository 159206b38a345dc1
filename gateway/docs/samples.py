"""Write an API call as curl, Python and JavaScript, with the example from the OpenAPI document."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlencode

from gateway.openapi.operations import SESSION

_PARAM = re.compile(r"\{(\w+)\}")
# Matches a list with one item on each line, none of which contains brackets or spaces.
_FLAT_LIST = re.compile(r"\[\n((?:\s+[^\s\[\]{}]+\n)+)\s*\]")
FORM: Final = "application/x-www-form-urlencoded"
_PDF: Final = "application/pdf"
_STREAM: Final = "text/event-stream"

Credential = Literal["key", "session", "none"]


@dataclass(frozen=True, slots=True)
class Call:
    """An API call to show.

    - `file` is where to save the response, or None.
    - The key needs one of `scopes`.
    - `once` is the Idempotency-Key to show. If it is None, one is generated.
    """

    method: str
    url: str
    body: Mapping[str, Any] | None
    is_form: bool
    credential: Credential
    takes_idempotency_key: bool
    file: str | None = None
    streams: bool = False
    scopes: tuple[str, ...] = ()
    once: str | None = None

    @property
    def origin(self) -> str:
        return "/".join(self.url.split("/", 3)[:3])


def call_of(
    server: str, template: str, method: str, operation: Mapping[str, Any], parameters: Any
) -> Call:
    content = operation.get("requestBody", {}).get("content", {})
    kind = next(iter(content), "")
    known = [parameters(one) for one in operation["parameters"]]
    given = {one["name"]: one["example"] for one in known if "example" in one}
    query = {
        one["name"]: one["example"] for one in known if one["in"] == "query" and "example" in one
    }
    path = _PARAM.sub(lambda match: str(given[match[1]]), template)
    answered = _answered(operation, parameters)
    return Call(
        method=method.upper(),
        url=server.rstrip("/") + path + ("?" + urlencode(query) if query else ""),
        body=content.get(kind, {}).get("example"),
        is_form=kind == FORM,
        credential=_credential(operation),
        takes_idempotency_key="Idempotency-Key" in {one["name"] for one in known},
        file=_file(path) if answered == _PDF else None,
        streams=answered == _STREAM,
        scopes=tuple(scope for one in operation["security"] for scope in next(iter(one.values()))),
    )


def _answered(operation: Mapping[str, Any], resolved: Any) -> str:
    response = next(one for status, one in operation["responses"].items() if status < "3")
    return next(iter(resolved(response).get("content", {})), "")


def _file(path: str) -> str:
    name = path.rpartition("/")[2]
    return name if "." in name else f"document.{name}"


def _credential(operation: Mapping[str, Any]) -> Credential:
    if not operation["security"]:
        return "none"
    return "session" if SESSION in operation["security"][0] else "key"


def curl(call: Call) -> str:
    """Write a shell command, with the key in $KEY or a cookie in $COOKIE."""
    command = ["curl"]
    if call.streams:
        command.append("-N")
    if call.file is not None:
        command.append(f"-o {call.file}")
    if call.method != "GET":
        command.append(f"-X {call.method}")
    lines = [" ".join([*command, shlex.quote(call.url)])]
    lines += [f'-H "{name}: {value}"' for name, value in _headers(call, _SHELL).items()]
    if call.body is not None and call.is_form:
        lines += [f"--data-urlencode {shlex.quote(f'{k}={v}')}" for k, v in call.body.items()]
    elif call.body is not None:
        lines.append('-H "Content-Type: application/json"')
        lines.append(f"-d {shlex.quote(_indented(_json(call.body)))}")
    return " \\\n  ".join(lines)


def python(call: Call) -> str:
    """Write a script that uses httpx, with KEY or COOKIE in the environment."""
    headers = _headers(call, _PYTHON)
    imports = [
        name for name in ("os", "uuid") if any(f"{name}." in one for one in headers.values())
    ]
    arguments = [f'"{call.method}"', f'"{call.url}"']
    if headers:
        arguments.append(f"headers={_python_headers(headers)}")
    if call.body is not None:
        arguments.append(f"{'data' if call.is_form else 'json'}={_literal(dict(call.body))}")
    if call.streams:
        arguments.append("timeout=None")
    asked = "\n".join(["(", *(f"    {argument}," for argument in arguments), ")"])
    above = [f"import {name}" for name in imports] + ([""] if imports else [])
    return "\n".join([*above, "import httpx", "", *_python_answer(call, asked)])


def _python_headers(headers: Mapping[str, str]) -> str:
    rows = [f'"{name}": {value}' for name, value in headers.items()]
    if len(rows) == 1:
        return f"{{{rows[0]}}}"
    return "\n".join(["{", *(f"        {row}," for row in rows), "    }"])


def _python_answer(call: Call, asked: str) -> list[str]:
    if call.streams:
        return [
            f"with httpx.stream{asked} as answer:",
            "    for line in answer.iter_lines():",
            "        print(line)",
        ]
    if call.file is not None:
        kept = f'    with open("{call.file}", "wb") as file:'
        return [
            f"answer = httpx.request{asked}",
            "if answer.is_success:",
            kept,
            "        file.write(answer.content)",
            "print(answer.status_code)",
        ]
    return [f"answer = httpx.request{asked}", "print(answer.status_code, answer.json())"]


def javascript(call: Call) -> str:
    headers = [
        f"    {_name(name)}: {value}," for name, value in _headers(call, _JAVASCRIPT).items()
    ]
    if call.body is not None and not call.is_form:
        headers.append('    "Content-Type": "application/json",')
    lines = ['import { writeFile } from "node:fs/promises";', ""] if call.file is not None else []
    lines += [f'const answer = await fetch("{call.url}", {{', f'  method: "{call.method}",']
    if headers:
        lines += ["  headers: {", *headers, "  },"]
    if call.body is not None:
        maker = "new URLSearchParams" if call.is_form else "JSON.stringify"
        lines.append(f"  body: {maker}({_indented(_json(call.body))}),")
    return "\n".join([*lines, "});", *_javascript_answer(call)])


def _javascript_answer(call: Call) -> list[str]:
    if call.streams:
        return [
            "for await (const part of answer.body.pipeThrough(new TextDecoderStream())) console.log(part);"
        ]
    if call.file is not None:
        return [
            f'if (answer.ok) await writeFile("{call.file}", new Uint8Array(await answer.arrayBuffer()));',
            "console.log(answer.status);",
        ]
    return ["console.log(answer.status, await answer.json());"]


_Writing = Mapping[str, str]
# How each language writes a header's value.
_SHELL: Final[_Writing] = {
    "key": "Bearer $KEY",
    "session": "$COOKIE",
    "once": "$(openssl rand -hex 16)",
    "text": "{}",
}
_PYTHON: Final[_Writing] = {
    "key": "f\"Bearer {os.environ['KEY']}\"",
    "session": 'os.environ["COOKIE"]',
    "once": "str(uuid.uuid4())",
    "text": '"{}"',
}
_JAVASCRIPT: Final[_Writing] = {
    "key": "`Bearer ${process.env.KEY}`",
    "session": "process.env.COOKIE",
    "once": "crypto.randomUUID()",
    "text": '"{}"',
}


def _headers(call: Call, writing: _Writing) -> dict[str, str]:
    found = {}
    if call.credential == "key":
        found["Authorization"] = writing["key"]
    if call.credential == "session":
        found["Cookie"] = writing["session"]
        if call.method != "GET":
            # Browsers send Origin. A change with a cookie must come from one of the gateway's own pages.
            found["Origin"] = writing["text"].format(call.origin)
    if call.takes_idempotency_key:
        found["Idempotency-Key"] = (
            writing["once"] if call.once is None else writing["text"].format(call.once)
        )
    return found


def _name(header: str) -> str:
    return f'"{header}"' if "-" in header else header


def pretty(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _FLAT_LIST.sub(lambda match: f"[{' '.join(match[1].split())}]", text)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else pretty(value)


def _literal(value: Any, pad: str = "    ") -> str:
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
