"""Mark the English sentences in code that pages show in the reader's language. Every catalogue translates them."""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

Value: TypeAlias = str | int | Callable[[], str]
_NUMBER: Final = "num"
PLACE: Final = re.compile(r"%\((\w+)\)s")
_LETTER: Final = re.compile(r"[^\W\d_]")


class Phrase(str):
    """`several` is the sentence's plural, or empty."""

    __slots__ = ("number", "sentence", "several", "values")
    sentence: str
    several: str
    number: int
    values: Mapping[str, Value]

    def with_capital(self) -> "Phrase":
        return _made(_capital(self.sentence), _capital(self.several), self.number, self.values)


def phrase(sentence: str, /, **values: Value) -> Phrase:
    return _made(sentence, "", 0, values)


def counted(one: str, several: str, number: int, /, **values: Value) -> Phrase:
    """Return the singular or plural, depending on the number. The number fills %(num)s."""
    return _made(one, several, number, {_NUMBER: number, **values})


def has_words(sentence: str) -> bool:
    return _LETTER.search(PLACE.sub("", sentence)) is not None


def with_capital(text: str) -> str:
    return text.with_capital() if isinstance(text, Phrase) else _capital(text)


def _made(sentence: str, several: str, number: int, values: Mapping[str, Value]) -> Phrase:
    words = several if several and number != 1 else sentence
    made = Phrase(
        words % {name: _english(one) for name, one in values.items()} if values else words
    )
    made.sentence, made.several, made.number, made.values = sentence, several, number, values
    return made


def _english(value: Value) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return value if isinstance(value, str) else value()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
