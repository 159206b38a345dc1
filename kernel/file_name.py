"""Make words fit for any system's file names."""

import re
import unicodedata
from typing import Final

_CHARACTERS_MAX: Final = 40
_OTHERS: Final = re.compile(r"[^a-z0-9]+")


def plain_name(text: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _OTHERS.sub("-", ascii_only.lower()).strip("-")[:_CHARACTERS_MAX].rstrip("-")
