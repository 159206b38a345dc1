"""Examples of responses: one of each route and HTTP status of success.

The tests that record every route's responses write answers.json; written_answers.json has those that no
recording reaches.
"""

from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

# What is written by hand counts.
_FILES: Final = ("answers.json", "written_answers.json")


def answer_of(method: str, template: str, status: str) -> Any:
    return _answers().get(f"{method} {template} {status}")


@cache
def _answers() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _FILES:
        found |= msgspec.json.decode((files(__package__) / name).read_bytes())
    return found
