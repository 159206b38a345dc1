"""Headers of our mail in which people's text stays text.

The standard library parses encoded words (RFC 2047) in headers: a name such as `=?utf-8?q?=0d=0aBcc=3a…?=`
would become a header of its own.
"""

from email.header import Header
from email.headerregistry import HeaderRegistry
from email.policy import SMTP, Policy
from typing import Any, Final, cast

_ENCODED: Final = "=?"
# A longer word doesn't fit on a line of 78, and is folded only once it is encoded.
_WORD_CHARACTERS_MAX: Final = 60


class _Written:
    """A header whose value isn't parsed again."""

    max_count = 1

    @staticmethod
    def parse(value: str, kwds: dict[str, Any]) -> None:
        kwds.update(decoded=value, parse_tree=None)


class _OneLine(_Written):
    """Never folded nor encoded, so that an address stays one word."""

    def fold(self: Any, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


class _Words(_Written):
    """Folded, and encoded if it is more than ASCII or looks encoded."""

    def fold(self: Any, *, policy: Policy) -> str:
        text = str(self)
        longest = max(map(len, text.split(" ")))
        is_plain = text.isascii() and _ENCODED not in text and longest <= _WORD_CHARACTERS_MAX
        written = Header(text, "us-ascii" if is_plain else "utf-8", header_name=self.name)
        return f"{self.name}: {written.encode(linesep=policy.linesep)}{policy.linesep}"


def _registry() -> HeaderRegistry:
    made = HeaderRegistry()
    for name, kind in (("list-unsubscribe", _OneLine), ("to", _OneLine), ("subject", _Words)):
        made.map_to_type(name, cast(Any, kind))
    return made


MAIL_POLICY: Final = SMTP.clone(header_factory=_registry())
