"""Bodies kept in tests/recordings, and what one body has in common with another: its form.

The form is names in their order, nesting, and the type of each value, a number's being told by its
own text: 5 is an integer, 5.0 and 5.00 are fractions. Lists have the form of their items, which all
have the same.
"""

import json
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parents[1] / "recordings"


def recorded(name: str) -> str:
    """The text of a recording such as resayil/topup-packs.json."""
    return (RECORDINGS / name).read_text(encoding="utf-8")


def form_of(text: str) -> Any:
    """The form of a JSON text."""
    return _form(json.loads(text))


def _form(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _form(one) for name, one in value.items()}, list(value)
    if isinstance(value, list):
        forms = [_form(one) for one in value]
        assert all(form == forms[0] for form in forms), "items of several forms"
        return forms[:1]
    return type(value).__name__
