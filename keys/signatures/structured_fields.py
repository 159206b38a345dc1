"""Read the structured fields (RFC 9651) that message signatures use. Pure, strict and bounded."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

MEMBERS_MAX: Final = 8
ITEMS_MAX: Final = 32
PARAMS_MAX: Final = 16
_KEY: Final = re.compile(r"[a-z*][a-z0-9_.*-]{0,63}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,15}(?![0-9.])")
_PLAIN: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
_BYTES: Final = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_TOKEN: Final = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
_ESCAPED: Final = re.compile(r'\\(["\\])')

Bare = str | int | bytes | bool


class Malformed(ValueError):
    """The text is not such a field, or is too large."""


class Item(NamedTuple):
    """A value, its parameters, and its own text with them."""

    value: Bare
    params: Mapping[str, Bare]
    text: str


class InnerList(NamedTuple):
    items: tuple[Item, ...]
    params: Mapping[str, Bare]
    text: str


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def is_over(self) -> bool:
        return self.at >= len(self.text)

    def skip(self, characters: str) -> None:
        while not self.is_over and self.text[self.at] in characters:
            self.at += 1

    def takes(self, character: str) -> bool:
        is_next = self.text.startswith(character, self.at)
        self.at += len(character) if is_next else 0
        return is_next

    def match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise Malformed
        self.at = found.end()
        return found

    def string(self) -> str:
        self.at += 1
        parts = [self.match(_PLAIN)[0]]
        while not self.takes('"'):
            parts += [self.match(_ESCAPED)[1], self.match(_PLAIN)[0]]
        return "".join(parts)

    def bare(self) -> Bare:
        first = self.text[self.at : self.at + 1]
        if first == '"':
            return self.string()
        if first == ":":
            try:
                return base64.b64decode(self.match(_BYTES)[1], validate=True)
            except (binascii.Error, ValueError):
                raise Malformed from None
        if first == "?":
            self.at += 1
            if self.takes("1"):
                return True
            if self.takes("0"):
                return False
            raise Malformed
        if first.isdigit() or first == "-":
            return int(self.match(_INTEGER)[0])
        return self.match(_TOKEN)[0]

    def params(self) -> dict[str, Bare]:
        found: dict[str, Bare] = {}
        while self.takes(";"):
            self.skip(" ")
            name = self.match(_KEY)[0]
            found[name] = self.bare() if self.takes("=") else True
            if len(found) > PARAMS_MAX:
                raise Malformed
        return found

    def item(self) -> Item:
        begin = self.at
        value = self.bare()
        params = self.params()
        return Item(value, params, self.text[begin : self.at])

    def member(self) -> Item | InnerList:
        begin = self.at
        if not self.takes("("):
            return self.item()
        items: list[Item] = []
        while True:
            self.skip(" ")
            if self.takes(")"):
                break
            items.append(self.item())
            if len(items) > ITEMS_MAX or self.text[self.at : self.at + 1] not in {" ", ")"}:
                raise Malformed
        params = self.params()
        return InnerList(tuple(items), params, self.text[begin : self.at])


def read_dictionary(text: str) -> dict[str, Item | InnerList]:
    reader, found = _Reader(text), dict[str, Item | InnerList]()
    reader.skip(" ")
    while not reader.is_over:
        name = reader.match(_KEY)[0]
        if reader.takes("="):
            found[name] = reader.member()
        else:
            found[name] = Item(True, reader.params(), "?1")
        if len(found) > MEMBERS_MAX:
            raise Malformed
        reader.skip(" \t")
        if reader.is_over:
            return found
        if not reader.takes(","):
            raise Malformed
        reader.skip(" \t")
        if reader.is_over:
            raise Malformed
    return found


def read_string(text: str) -> str:
    reader = _Reader(text.strip(" "))
    found = reader.item()
    if not reader.is_over or not isinstance(found.value, str) or not found.text.startswith('"'):
        raise Malformed
    if found.params:
        raise Malformed
    return found.value
