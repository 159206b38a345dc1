"""Make text from outside (suppliers, providers, receivers) storable in every database and response."""

from typing import Final

REPLACEMENT: Final = "\ufffd"


def storable(text: str, *, characters_max: int) -> str:
    """Cut the text, then replace NUL and lone surrogates by U+FFFD.

    PostgreSQL can't store NUL in text, and UTF-8 can't encode a lone surrogate.
    """
    cut = text[:characters_max]
    if is_storable(cut, characters_max=characters_max):
        return cut
    return "".join(
        REPLACEMENT if one == "\0" or "\ud800" <= one <= "\udfff" else one for one in cut
    )


def is_storable(text: str, *, characters_max: int) -> bool:
    if len(text) > characters_max or "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
