"""What needs no Markdown library."""

import re
from typing import Any, Final

# Where the renderer finds the function that shows lines for a shell.
SHOWN: Final = "shown"


def anchor_of(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))


def bare(token: Any) -> str:
    return "".join(child.content for child in token.children or ())
