"""Provide examples of requests, responses and an event.

The tests that record responses write answers.json. written_answers.json has the examples that they can't
record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

API: Final = "/api/public/v1"


@dataclass(frozen=True, slots=True)
class Example:
    body: Mapping[str, Any] | None = None
    query: Mapping[str, str] | None = None


def _read(name: str, kind: Any) -> Any:
    return msgspec.json.decode((files(__package__) / name).read_bytes(), type=kind)


EXAMPLES: Final[Mapping[tuple[str, str], Example]] = {
    (method, path): example
    for name, example in _read("requests.json", dict[str, Example]).items()
    for method, _, path in [name.partition(" ")]
}
EVENT_EXAMPLE: Final[dict[str, Any]] = _read("event.json", dict[str, Any])


_FILES: Final = ("answers.json", "written_answers.json")


def answer_of(method: str, template: str, status: str) -> Any:
    return _answers().get(f"{method} {template} {status}")


@cache
def _answers() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _FILES:
        found |= msgspec.json.decode((files(__package__) / name).read_bytes())
    return found
