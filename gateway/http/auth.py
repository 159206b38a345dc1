"""Identify a request's caller: the credential, the address, any proxy, and the host name used.

If a request has a Bearer credential and a session cookie, the Bearer credential is used.
"""

import ipaddress
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final, Literal
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from gateway.http.session_cookie import is_https, read_cookie
from kernel.errors import InvalidInput
from keys.authenticator import InvalidCredential
from keys.principal import Address, Network, Principal
from runtime.settings import Settings

_SCHEME = b"bearer "
_HOPS_MAX = 20


def presented(
    scope: Scope,
    headers: Mapping[bytes, bytes],
    settings: Settings,
    *,
    takes_bare: bool = False,
) -> tuple[str, bool]:
    """Return the credential, and whether it came as a cookie. If `takes_bare`, the word Bearer may be missing."""
    header = headers.get(b"authorization")
    if header is not None:
        if header[:7].lower() != _SCHEME:
            bare = header.strip()
            if takes_bare and bare and b" " not in bare:
                return bare.decode("latin-1"), False
            raise InvalidCredential("The Authorization header must have the form Bearer ak_….")
        return header[7:].strip().decode("latin-1"), False
    if b"cookie" in headers:
        token = read_cookie(headers, is_secure=is_https(scope, settings))
        if token is not None:
            return token, True
    raise InvalidCredential("Send the API key as Authorization: Bearer ak_….")


def check_presented(principal: Principal, *, is_cookie: bool, takes_mcp: bool = False) -> None:
    """Raise InvalidCredential if this kind of credential isn't valid here, such as an MCP token outside /mcp."""
    if principal.kind == "mcp" and not takes_mcp:
        raise InvalidCredential("This credential is unknown.")
    if (principal.kind == "session") is not is_cookie:
        raise InvalidCredential("This credential is unknown.")


def caller_address(
    peer: str | None, forwarded_for: bytes | None, trusted: Sequence[Network]
) -> Address | None:
    """Return the client's address, or None for a Unix socket.

    If a trusted proxy sent the request, this is the rightmost untrusted address in X-Forwarded-For. Clients can
    forge the addresses to the left of it.
    """
    address = parse_address(peer)
    if forwarded_for is None or address is None or not is_within(address, trusted):
        return address
    for hop in reversed(forwarded_for.decode("latin-1").split(",")[-_HOPS_MAX:]):
        found = parse_address(hop.strip())
        if found is None:
            return address
        address = found
        if not is_within(address, trusted):
            return address
    return address


def parse_address(text: str | None) -> Address | None:
    if text is None:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def block_of(address: Address | None) -> str:
    """Return the name under which callers without a credential are counted. It is their address or, for
    IPv6, its /64.
    """
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address) if address is not None else "local"


def is_within(address: Address | None, networks: Sequence[Network]) -> bool:
    if address is None:
        return False
    return any(address.version == network.version and address in network for network in networks)


LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
LOG_EVERY_S = 10.0
_log = logging.getLogger(__name__)


class ConnectionLimits:
    def __init__(self, held_max: int = 0, trusted: Sequence[Network] = ()) -> None:
        self._held_max = held_max
        self._trusted = tuple(trusted)
        self._held: dict[str, int] = {}
        self._refused = 0
        self._logged_s = float("-inf")

    def counted_as(self, peer: str | None) -> str | None:
        if self._held_max == 0:
            return None
        address = parse_address(peer)
        if address is None or is_within(address, self._trusted):
            return None
        return block_of(address)

    def open(self, address: str) -> bool:
        """Return whether another connection from this address is allowed. If so, call close() when it ends."""
        held = self._held.get(address, 0)
        if held >= self._held_max:
            self._refuse(address)
            return False
        self._held[address] = held + 1
        return True

    def close(self, address: str) -> None:
        left = self._held[address] - 1
        if left:
            self._held[address] = left
        else:
            del self._held[address]

    def _refuse(self, address: str) -> None:
        self._refused += 1
        now_s = time.monotonic()
        if now_s - self._logged_s >= LOG_EVERY_S:
            fields = {"address": address, "held": self._held_max, "refused": self._refused}
            _log.warning("connections.refused", extra={"fields": fields})
            self._logged_s, self._refused = now_s, 0


Seen = Literal["none", "trusted", "untrusted"]
_FORWARDED: Final = frozenset({b"x-forwarded-for", b"forwarded", b"x-real-ip"})
_FORWARDED_FOR: Final = b"x-forwarded-for"
# Documentation addresses (RFC 5737, RFC 3849). If the client has one, the gateway believed a forged header.
_EXAMPLES: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)


def address_of(request: Request, trusted: Sequence[Network]) -> Address | None:
    joined = ", ".join(request.headers.getlist("x-forwarded-for")).encode("latin-1")
    return caller_address(_peer(request), joined or None, trusted)


def is_traced(request: Request, trusted: Sequence[Network]) -> bool:
    headers = dict(request.scope["headers"])
    peer = parse_address(_peer(request))
    if is_within(peer, trusted):
        if _FORWARDED_FOR in headers:
            return True
        # A local scraper may call without a proxy. A trusted peer on another machine is always a proxy.
        if peer is None or not peer.is_loopback:
            return False
    return _FORWARDED.isdisjoint(headers) and not _is_bare_proxy(request, peer)


def describe_request(request: Request, settings: Settings) -> Response:
    headers = dict(request.scope["headers"])
    body = {
        "scheme": _one_of(headers.get(b"x-forwarded-proto"), "https", "http"),
        "host": "public" if _names_public(request, settings) else "other",
        "proxy": _proxy(request, headers, settings.trusted_proxies),
        "address": _kind(request, settings.trusted_proxies),
    }
    return JSONResponse(body, headers={"cache-control": "no-store"})


def _is_bare_proxy(request: Request, peer: Address | None) -> bool:
    """Return whether the request seems to come from a local proxy that adds no forwarding headers.

    Such a proxy keeps the client's Host header, or speaks HTTP/1.0, as nginx does by default.
    """
    if peer is None or not peer.is_loopback:
        return False
    return request.scope["http_version"] == "1.0" or not _names_this_machine(request)


def _names_this_machine(request: Request) -> bool:
    name = _host(request)
    found = parse_address(name)
    return name == "localhost" or (found is not None and found.is_loopback)


def _names_public(request: Request, settings: Settings) -> bool:
    return _host(request) == (urlsplit(settings.public_url).hostname or "")


def _host(request: Request) -> str:
    host = request.headers.get("host", "").lower()
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.removesuffix(".")


def _proxy(request: Request, headers: Mapping[bytes, bytes], trusted: Sequence[Network]) -> Seen:
    peer = parse_address(_peer(request))
    if is_within(peer, trusted):
        return "trusted" if _FORWARDED_FOR in headers else "untrusted"
    is_seen = not _FORWARDED.isdisjoint(headers) or _is_bare_proxy(request, peer)
    return "untrusted" if is_seen else "none"


def _kind(request: Request, trusted: Sequence[Network]) -> str:
    address = address_of(request, trusted)
    if address is None or not is_traced(request, trusted):
        return "unknown"
    if is_within(address, _EXAMPLES):
        return "example"
    return "public" if address.is_global else "private"


def _one_of(value: bytes | None, *known: str) -> str:
    word = (value or b"").decode("latin-1").strip().lower()
    return word if word in known else "unknown"


def _peer(request: Request) -> str | None:
    return None if request.client is None else request.client.host


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
