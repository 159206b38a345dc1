"""Provide Markdown helpers that don't need the Markdown library."""

import re
from typing import Any, Final

SHOWN: Final = "shown"


def anchor_of(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))


def bare(token: Any) -> str:
    return "".join(child.content for child in token.children or ())
