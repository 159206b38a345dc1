"""Examples of responses: one of each route and HTTP status of success.

The recording tests write answers.json; written_answers.json has what no recording reaches.
"""

from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

_FILES: Final = ("answers.json", "written_answers.json")


def answer_of(method: str, template: str, status: str) -> Any:
    return _answers().get(f"{method} {template} {status}")


@cache
def _answers() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _FILES:
        found |= msgspec.json.decode((files(__package__) / name).read_bytes())
    return found
