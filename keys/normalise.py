"""Normalize names and email addresses before they are compared and stored.

Plus tags and dots remain, because only the mailbox's owner knows whether the server ignores them.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

import idna

from kernel.errors import DomainError, InvalidInput
from kernel.limits import EMAIL_CHARACTERS_MAX

NAME_CHARACTERS_MAX = 100
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ALLOWED = frozenset("\u200c\u200d")
_LOCAL_CHARACTERS_MAX = 64
_DOMAIN_CHARACTERS_MAX = 253
_RAW_CHARACTERS_MAX = 1024
_DOMAINS_KNOWN: Final = 1024
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def normalise_name(text: str) -> str:
    """Return the name in NFC without leading or trailing spaces. Raise InvalidInput if it is empty, too long or
    unprintable.
    """
    if len(text) > NAME_CHARACTERS_MAX * 4:
        raise InvalidInput(
            f"The name can have at most {NAME_CHARACTERS_MAX} characters.", param="name"
        )
    name = unicodedata.normalize("NFC", text.strip(" "))
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        raise InvalidInput(
            f"The name must have 1 to {NAME_CHARACTERS_MAX} characters.", param="name"
        )
    for character in name:
        if unicodedata.category(character) in _REFUSED_CATEGORIES and character not in _ALLOWED:
            raise InvalidInput("The name contains a character that can't be printed.", param="name")
    return name


class InvalidEmail(DomainError):
    """The text isn't an email address that can receive mail. The message doesn't contain the text."""

    def __init__(self, detail: str, *, param: str = "recipient_email") -> None:
        super().__init__(detail, param=param)


def normalise_email(text: str, *, param: str = "recipient_email") -> str:
    """Return the address as it is stored. If it isn't valid, raise InvalidEmail, which names `param`.

    An address has an ASCII dot-atom (RFC 5321), an @, and a domain of at least two labels (UTS 46, IDNA 2008).
    """
    if len(text) > _RAW_CHARACTERS_MAX:
        raise InvalidEmail("The email address is too long.", param=param)
    local, at, domain = text.strip(" \t\r\n").partition("@")
    if not at or "@" in domain:
        raise InvalidEmail("An email address must have exactly one @.", param=param)
    if not local.isascii():
        raise InvalidEmail("The part before the @ must be ASCII.", param=param)
    local = local.lower()
    if len(local) > _LOCAL_CHARACTERS_MAX or not _LOCAL.fullmatch(local):
        raise InvalidEmail("The part before the @ is not a mailbox name.", param=param)
    labels = _a_labels(domain)
    if labels is None:
        raise InvalidEmail("The part after the @ is not a domain.", param=param)
    address = f"{local}@{labels}"
    if len(address) > EMAIL_CHARACTERS_MAX:
        raise InvalidEmail(
            f"An email address can have at most {EMAIL_CHARACTERS_MAX} characters.", param=param
        )
    return address


@lru_cache(maxsize=_DOMAINS_KNOWN)
def _a_labels(domain: str) -> str | None:
    lowered = domain.lower()
    # An ASCII domain needs no conversion. The package idna would take thirty times as long as a send's other
    # checks.
    if not (domain.isascii() and "--" not in lowered):
        try:
            lowered = idna.encode(domain, uts46=True, std3_rules=True, transitional=False).decode(
                "ascii"
            )
        except (idna.IDNAError, UnicodeError):
            return None
    is_domain = len(lowered) <= _DOMAIN_CHARACTERS_MAX and _DOMAIN.fullmatch(lowered)
    return lowered if is_domain else None
