"""Real responses as examples: answers.json holds one of each route and HTTP status of success.

The tests that record every route's responses write it; written_answers.py has those that no recording
reaches.
"""

from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from gateway.openapi.written_answers import WRITTEN

_FILE: Final = "answers.json"


def answer_of(method: str, template: str, status: str) -> Any:
    name = f"{method} {template} {status}"
    return WRITTEN.get(name, _recorded().get(name))


@cache
def _recorded() -> dict[str, Any]:
    return dict(msgspec.json.decode((files(__package__) / _FILE).read_bytes()))
