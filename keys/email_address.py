"""Normalize email addresses to the one form that is compared and stored.

It is trimmed and lower-cased, with the domain as an A-label (xn--…). Plus and dot aren't folded, because only
the mailbox's owner knows what its server folds. Normalizing twice changes nothing.
"""

import re
from functools import lru_cache
from typing import Final

import idna

from kernel.errors import DomainError
from kernel.limits import EMAIL_CHARACTERS_MAX

_LOCAL_CHARACTERS_MAX = 64
_DOMAIN_CHARACTERS_MAX = 253
# Nothing longer can become an address of 254 characters; it limits the work on a stranger's text.
_RAW_CHARACTERS_MAX = 1024
# Most recipients' domains are the same few.
_DOMAINS_KNOWN: Final = 1024
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


class InvalidEmail(DomainError):
    """The text is no email address that mail could reach. Never repeats the text."""

    def __init__(self, detail: str, *, param: str = "recipient_email") -> None:
        super().__init__(detail, param=param)


def normalise_email(text: str, *, param: str = "recipient_email") -> str:
    """Return the address in its stored form; raise InvalidEmail naming `param`.

    It has one @, a dot-atom of ASCII before it (RFC 5321, without the quoted form), and a domain of at least
    two labels after it (UTS 46 and IDNA 2008). It has at most 64 + 1 + 253 and 254 characters in all.
    """
    if len(text) > _RAW_CHARACTERS_MAX:
        raise InvalidEmail("The email address is too long.", param=param)
    local, at, domain = text.strip(" \t\r\n").partition("@")
    if not at or "@" in domain:
        raise InvalidEmail("An email address has exactly one @.", param=param)
    if not local.isascii():
        # Checked before lower-casing, which turns the Kelvin sign into a k.
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
            f"An email address has at most {EMAIL_CHARACTERS_MAX} characters.", param=param
        )
    return address


@lru_cache(maxsize=_DOMAINS_KNOWN)
def _a_labels(domain: str) -> str | None:
    """Return the domain as it is compared; None if it is no domain."""
    lowered = domain.lower()
    # A plain domain is its own A-label; idna costs thirty times the rest of a send's checks.
    if not (domain.isascii() and "--" not in lowered):
        try:
            lowered = idna.encode(domain, uts46=True, std3_rules=True, transitional=False).decode(
                "ascii"
            )
        except (idna.IDNAError, UnicodeError):
            return None
    is_domain = len(lowered) <= _DOMAIN_CHARACTERS_MAX and _DOMAIN.fullmatch(lowered)
    return lowered if is_domain else None
