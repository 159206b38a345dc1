"""Make text from outside storable in every database and every response.

One helper for all text that a supplier, a payment provider or a webhook receiver sent. Values that must stay
exactly as they are (codes, ids) are checked, not changed.
"""

from typing import Final

REPLACEMENT: Final = "\ufffd"


def storable(text: str, *, characters_max: int) -> str:
    """Return the text's first characters_max characters; NUL and lone surrogates become U+FFFD.

    PostgreSQL stores no NUL in text, and a lone surrogate has no UTF-8. It is cut first, so that the work is
    bounded by what is stored.
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
