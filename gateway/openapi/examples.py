"""Examples of requests and of an event; tests hold each against its route."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import msgspec

API: Final = "/api/public/v1"


@dataclass(frozen=True, slots=True)
class Example:
    """`body` is None if there is nothing to show; `query` has the required parameters."""

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
