"""Make and check challenges for passkeys. Each is valid for five minutes, for one person, purpose, session and
site.

Any process can check a challenge, and no row is stored for it.
"""

import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal, Self
from urllib.parse import urlsplit

import idna

from kernel.clock import MINUTE_US
from keys.vault import Vault

LIFE_US: Final = 5 * MINUTE_US
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Site:
    origin: str
    rp_id: str

    @classmethod
    def of(cls, address: str) -> Self | None:
        """Parse http(s)://host[:port]. Return None if browsers accept no passkeys there.

        Browsers require a host name, and https except at localhost.
        """
        url = urlsplit(address)
        host = _ascii(url.hostname or "")
        if not host or _is_ip(host) or (url.scheme != "https" and host != "localhost"):
            return None
        is_default = url.port in (None, _DEFAULT_PORTS[url.scheme])
        return cls(f"{url.scheme}://{host}" + ("" if is_default else f":{url.port}"), host)


@dataclass(frozen=True, slots=True)
class Purpose:
    """The person and purpose of a challenge. `bound` is the session's ID, or the ticket that a right password gave."""

    kind: Literal["add", "sign-in", "confirm"]
    account_id: str
    bound: str


def make(vault: Vault, purpose: Purpose, *, now_us: int) -> bytes:
    said = f"{now_us}.{secrets.token_hex(16)}"
    return f"{said}.{_prove(vault, purpose, said)}".encode()


def made_at(vault: Vault, purpose: Purpose, challenge: bytes, *, now_us: int) -> int | None:
    """Return when the challenge was made, or None if it is forged, expired or for another purpose."""
    said, _, proof = challenge.decode("latin-1").rpartition(".")
    if not vault.is_signed(_spelled(purpose, said), proof, purpose=f"passkey {purpose.kind}"):
        return None
    at = int(said.partition(".")[0])
    return at if 0 <= now_us - at < LIFE_US else None


def _prove(vault: Vault, purpose: Purpose, said: str) -> str:
    return vault.sign(_spelled(purpose, said), purpose=f"passkey {purpose.kind}")


def _spelled(purpose: Purpose, said: str) -> str:
    return f"{said} {purpose.account_id} {purpose.bound}"


def _ascii(host: str) -> str:
    try:
        return host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return ""


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
