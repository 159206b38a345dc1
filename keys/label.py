"""Names that people give to accounts, keys and tokens."""

import unicodedata

from kernel.errors import InvalidInput

NAME_CHARACTERS_MAX = 100
# Control, format, surrogate, private and unassigned characters, and line and paragraph ends.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# The joiners inside emoji and in scripts that need them.
_ALLOWED = frozenset("\u200c\u200d")


def normalise_name(text: str) -> str:
    """Return the name in NFC without outer spaces; raise InvalidInput if empty, long or unprintable."""
    if len(text) > NAME_CHARACTERS_MAX * 4:
        raise InvalidInput(f"The name has at most {NAME_CHARACTERS_MAX} characters.", param="name")
    name = unicodedata.normalize("NFC", text.strip(" "))
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        raise InvalidInput(f"The name has 1 to {NAME_CHARACTERS_MAX} characters.", param="name")
    for character in name:
        if unicodedata.category(character) in _REFUSED_CATEGORIES and character not in _ALLOWED:
            raise InvalidInput("The name contains a character that can't be printed.", param="name")
    return name
