"""Parse TOPUP_SMTP_URL and the sender's address."""

import ipaddress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from kernel.errors import InvalidInput
from keys.normalise import NAME_CHARACTERS_MAX, InvalidEmail, normalise_email, normalise_name

Security = Literal["none", "starttls", "tls"]
_SCHEMES: Final[dict[str, tuple[Security, int]]] = {
    "smtp": ("none", 25),
    "starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_smtp_url(url: str) -> SmtpServer:
    parts = urlsplit(url)
    known = _SCHEMES.get(parts.scheme)
    if known is None:
        raise ValueError("begins with smtp://, starttls:// or smtps://")
    if not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("is smtp://, starttls:// or smtps://[user:password@]host[:port]")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("has a port from 1 to 65535") from None
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if (user is None) != (password is None):
        raise ValueError("has both a user and a password, or neither")
    security, usual_port = known
    if user is not None and security == "none" and not _is_this_machine(parts.hostname):
        raise ValueError("would send a password in the clear: use starttls:// or smtps://")
    return SmtpServer(parts.hostname, port or usual_port, security, user, password)


def parse_mail_from(text: str) -> Address:
    if not text.isprintable():
        raise ValueError("has a character that cannot be printed")
    name, address = parseaddr(text)
    try:
        normalised = normalise_email(address, param="mail_from")
        shown = normalise_name(name[: NAME_CHARACTERS_MAX + 1]) if name else ""
    except (InvalidEmail, InvalidInput):
        raise ValueError("is an address, or a name and an address in angle brackets") from None
    return Address(shown, addr_spec=normalised)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
