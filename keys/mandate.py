"""A key's mandate: what its holder may do with it, beside scopes and caps of a call, a day and a month.

Every limit is optional, and each one of the whole lineage holds: a key without a list may send wherever
its ancestors may. Pure.
"""

from functools import lru_cache
from typing import Final

import msgspec

from kernel.errors import DomainError

LIST_ENTRIES_MAX: Final = 100
WINDOWS_MAX: Final = 8
WINDOW_SECONDS_MIN: Final = 60
WINDOW_SECONDS_MAX: Final = 366 * 86_400
SENDS_MAX: Final = 1_000_000
REPEAT_GUARD_S_MAX: Final = 7 * 86_400
PURPOSE_CHARACTERS_MAX: Final = 200
ANY_OF_DOMAIN: Final = "*@"


class SpendWindow(msgspec.Struct, frozen=True, order=True):
    """At most so many cents in any so many seconds."""

    seconds: int
    cents: int


class Mandate(msgspec.Struct, frozen=True, omit_defaults=True):
    """Null and an empty tuple: no such limit. recipients: addresses, and `*@domain` for all of a domain."""

    platforms: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    windows: tuple[SpendWindow, ...] = ()
    per_recipient_per_day_cents: int | None = None
    max_sends_per_hour: int | None = None
    repeat_guard_s: int | None = None

    def allows_recipient(self, email: str) -> bool:
        """Whether the list has the address, as it is stored, or its domain."""
        if not self.recipients:
            return True
        domain = email.rpartition("@")[2]
        return email in self.recipients or f"{ANY_OF_DOMAIN}{domain}" in self.recipients


NO_MANDATE: Final = Mandate()


class OutsideMandate(DomainError):
    """The key, or one that it descends from, may not send that there; reason: platform or recipient."""


class KeyPaused(DomainError):
    """The key, or one that it descends from, is paused: it reads, and spends and makes nothing."""


def paused() -> KeyPaused:
    return KeyPaused(
        "the key, or one that it comes from, is paused; a person, or a key of another lineage with"
        " approvals:write or keys:write, resumes it",
        reason="paused",
    )


@lru_cache(maxsize=1024)
def read_mandate(text: str | None) -> Mandate:
    """Of the column; null: none."""
    return NO_MANDATE if text is None else msgspec.json.decode(text, type=Mandate)


def mandate_text(mandate: Mandate) -> str | None:
    """As it is stored; None: no limit."""
    return None if mandate == NO_MANDATE else msgspec.json.encode(mandate).decode()
