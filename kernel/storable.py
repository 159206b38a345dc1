"""Text from outside, made into text that every database and every answer can hold.

One helper for every border where such text is stored: what a supplier, a payment provider or a webhook
receiver said. Values that must stay exactly what they are (codes, ids) are asked about, not changed.
"""

from typing import Final

REPLACEMENT: Final = "\ufffd"


def storable(text: str, *, characters_max: int) -> str:
    """The text's first characters_max characters; NUL and lone surrogates become U+FFFD.

    PostgreSQL takes no NUL in text, and a lone surrogate has no UTF-8. It is cut first, so that the
    work is bounded by what is kept.
    """
    cut = text[:characters_max]
    if is_storable(cut, characters_max=characters_max):
        return cut
    return "".join(
        REPLACEMENT if one == "\0" or "\ud800" <= one <= "\udfff" else one for one in cut
    )


def is_storable(text: str, *, characters_max: int) -> bool:
    """Whether the text can be kept as it is."""
    if len(text) > characters_max or "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
