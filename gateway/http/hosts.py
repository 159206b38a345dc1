"""Check the Host of a request, so that no address of ours is built from what a stranger sent."""

import ipaddress
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from kernel.errors import InvalidInput

HOST_BYTES_MAX: Final = 255
KNOWN_MAX: Final = 1_000
PROBED: Final = frozenset(
    {"/healthz", "/healthz/caller", "/healthz/deliveries", "/readyz", "/metrics"}
)
_NAME: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


class Hosts:
    def __init__(self, public_url: str, allowed: Sequence[str] = ()) -> None:
        public = urlsplit(public_url).hostname if public_url else None
        self._allowed = frozenset(name.lower() for name in (*allowed, public) if name)
        self._known: set[bytes] = set()

    def check(self, host: bytes | None, path: str) -> None:
        if host in self._known or path in PROBED:
            return
        if host is None or b"," in host:
            raise InvalidInput("Send exactly one Host header.", param="Host")
        name = _name_of(host)
        if name is None:
            raise InvalidInput(
                "The Host header must be a host with an optional port.", param="Host"
            )
        if not (name in self._allowed or _is_local(name)):
            raise InvalidInput(
                "The Host header names another host. The operator lists this gateway's names "
                "in TOPUP_PUBLIC_URL and TOPUP_ALLOWED_HOSTS.",
                param="Host",
            )
        if len(self._known) < KNOWN_MAX:
            self._known.add(host)


def _name_of(host: bytes) -> str | None:
    if not 0 < len(host) <= HOST_BYTES_MAX:
        return None
    if host.startswith(b"["):
        name, bracket, port = host[1:].partition(b"]")
        is_sane = bool(bracket) and _is_address(name.decode("latin-1")) and _is_port(port)
    else:
        name, colon, port = host.partition(b":")
        is_sane = name != b"" and _NAME.issuperset(name) and _is_port(colon + port)
    return name.decode("latin-1").lower().removesuffix(".") if is_sane else None


def _is_port(text: bytes) -> bool:
    return not text or (text[:1] == b":" and len(text) <= 6 and (text[1:] or b"0").isdigit())


def _is_local(name: str) -> bool:
    return "." not in name or name.endswith(".localhost") or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
