"""The recorded answers as examples of the OpenAPI document: one of each route and HTTP status of success.

A recording has words in place of what differs from run to run; here each becomes a value that looks like
a real one and is the same each time. A list is cut to its first entries.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.gateway.answers.recorder import FOLDER
from tests.support.installation import ROOT

FILE: Final = ROOT / "gateway/openapi/answers.json"
NOT_ANSWERS: Final = {"documents.txt"}
ITEMS_MAX: Final = 2
_SECRET: Final = "7Q3X9KVM2C8RT5WA7Q3X9KVM2C8RT5"
_HEX: Final = "5257a869e7ecebeda32affa62cdca3fa"
_WORDS: Final[Mapping[str, str]] = {
    "ATU": "ATU-7Q3X-9KVM-2C8R-T5WA-H4{:02}",
    "TOPUP": "TOPUP-7Q3X-9KVM-2C{:02}",
    "ak_staging": f"ak_staging_{_SECRET}{{:02}}",
    "sat_staging": f"sat_staging_{_SECRET}{{:02}}",
    "oas": f"oas_{_SECRET}{{:02}}",
    "oat": f"oat_{_SECRET}{{:02}}",
    "whsec": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa{:02}",
    "whpk": "whpk_{:02}qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "qte": f"qte_1781352600000000_0_{'0' * 62}{{:02}}",
    "order-no": f"{_HEX[:-2]}{{:02}}",
    "number": "41950134817325{:02}",
    "consent": "7Q3X9KVM2C8RT5{:02}",
}
_PAGES: Final = ("checkout", "portal", "claim", "no-mail", "receipts", "status")
_COUNTED: Final = re.compile(r"<([A-Za-z_-]+)-(\d+)>")
_PLAIN: Final[Mapping[str, str]] = {
    "http://<server>": "https://topup.example.com",
    "<device_code>": "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS-c",
    "<user_code>": "BCDF-GHJK",
    '"<prefix>"': '"ak_staging_7Q3X9"',
    '"<last4>"': '"H4NB"',
    '"<voucher_code_hint>"': '"H4NB"',
    "ATU-<hint>": "ATU-H4NB",
    '"<body_sha256>"': f'"{_HEX}{_HEX}"',
    "<ms>": "12",
    "<port>": "443",
    '"<soon>"': '"2026-06-13T12:00:30Z"',
    "<null or a minute>": "null",
}
_STATUS: Final = re.compile(r"^(2\d\d)$", re.MULTILINE)


def examples() -> dict[str, Any]:
    """By "GET /path 200": the first recorded answer that is not an empty list."""
    found: dict[str, Any] = {}
    for route, status, answer in _answers():
        name = f"{route} {status}"
        if name not in found or _is_empty(found[name]):
            found[name] = _cut(answer)
    return dict(sorted(found.items()))


def written(made: Mapping[str, Any]) -> str:
    """The file's text: a line for each example."""
    lines = (
        f"{json.dumps(name)}: {json.dumps(answer, ensure_ascii=False, separators=(',', ':'))}"
        for name, answer in made.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _answers() -> Iterator[tuple[str, str, Any]]:
    for path in sorted(FOLDER.glob("*.txt")):
        if path.name not in NOT_ANSWERS:
            yield from _of_file(path)


def _of_file(path: Path) -> Iterator[tuple[str, str, Any]]:
    for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        route, _, exchanges = block.partition("\n")
        for exchange in exchanges.split("\n--- "):
            status = _STATUS.search(exchange)
            body = exchange.rstrip().rpartition("\n")[2]
            if status is not None and body.startswith(("{", "[")):
                yield route, status[1], json.loads(_told(body))


def _told(text: str) -> str:
    for word, value in _PLAIN.items():
        text = text.replace(word, value)
    return _COUNTED.sub(_value, text)


def _value(found: re.Match[str]) -> str:
    kind, number = found[1], int(found[2]) % 100
    if kind in _WORDS:
        return _WORDS[kind].format(number)
    if kind in _PAGES:
        return f"{kind}/q5T0bWf7yXnB2cVd8eKj{number:02}"
    return f"{kind}_5FxpRIrX4LWLkM{number:02}"


def _is_empty(answer: Any) -> bool:
    data = answer.get("data") if isinstance(answer, dict) else None
    return isinstance(data, dict) and data.get("items") == []


def _cut(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _cut(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_cut(one) for one in node[:ITEMS_MAX]]
    return node
