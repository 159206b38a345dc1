"""Tell how a request reached this process: straight, or through a trusted proxy."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Final, Literal
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.http.auth import caller_address, is_within, parse_address
from keys.principal import Address
from runtime.settings import Network, Settings

Seen = Literal["none", "trusted", "untrusted"]
_FORWARDED: Final = frozenset({b"x-forwarded-for", b"forwarded", b"x-real-ip"})
_FORWARDED_FOR: Final = b"x-forwarded-for"
# No real caller has one of these (RFC 5737, RFC 3849), so a forwarded one was believed.
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
        # On this machine a scraper may call directly; on another one it is always a proxy.
        if peer is None or not peer.is_loopback:
            return False
    return _FORWARDED.isdisjoint(headers) and not _is_bare_proxy(request, peer)


def tell(request: Request, settings: Settings) -> Response:
    headers = dict(request.scope["headers"])
    body = {
        "scheme": _one_of(headers.get(b"x-forwarded-proto"), "https", "http"),
        "host": "public" if _names_public(request, settings) else "other",
        "proxy": _proxy(request, headers, settings.trusted_proxies),
        "address": _kind(request, settings.trusted_proxies),
    }
    return JSONResponse(body, headers={"cache-control": "no-store"})


def _is_bare_proxy(request: Request, peer: Address | None) -> bool:
    """Return whether a proxy on this machine adds no header that says so.

    Such a proxy keeps its client's Host, or speaks HTTP/1.0, as nginx does by default.
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
