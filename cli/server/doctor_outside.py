"""Check the gateway from outside: call TOPUP_PUBLIC_URL as a client does.

A client's way may differ (a name that leads elsewhere, a router without hairpin NAT), so an unreachable
address is no fault. No redirect is followed.
"""

import asyncio
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from cli.server.doctor_settings import names_this_machine
from cli.server.finding import CheckError, CheckWarning, Finding
from runtime.settings import Settings

ASK_S_MAX: Final = 5.0
# RFC 5737: nobody has it, so a gateway that believes it believes any client's claim.
CLAIMED: Final = "192.0.2.77"
NO_HEADERS: Final[Mapping[str, str]] = {}
_BODY_BYTES_MAX: Final = 512
_GATEWAY_AWAY: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


class _Seen(msgspec.Struct, frozen=True):
    """The response of /healthz/caller; gateway/http/caller.py has the words."""

    scheme: str
    host: str
    proxy: str
    address: str


async def outside(settings: Settings) -> list[Finding]:
    """Return the findings; a single one if nobody is to come from outside."""
    url = settings.public_url
    if not url:
        return [_not_set(settings)]
    try:
        async with _client(url) as client:
            seen = await _seen(client, url)
            claimed = await _seen(client, url, {"X-Forwarded-For": CLAIMED})
            proxy = _proxy(url, seen, believes_all=claimed.address == "example")
            return [_address(url, seen), proxy, await _metrics(client, url, seen)]
    except CheckWarning as error:
        return [Finding("address", None, str(error))]
    except CheckError as error:
        return [Finding("address", False, str(error))]


def _not_set(settings: Settings) -> Finding:
    if settings.is_loopback:
        detail = "TOPUP_PUBLIC_URL is not set: this machine alone is served"
        return Finding("address", True, detail)
    detail = (
        "TOPUP_PUBLIC_URL is not set: `topup serve` does not start; set it to https://your.name"
    )
    return Finding("address", False, detail)


def _client(url: str) -> httpx.AsyncClient:
    """Return a client without a proxy that trusts what this machine trusts (SSL_CERT_FILE names others)."""
    return httpx.AsyncClient(
        base_url=url,
        verify=ssl.create_default_context(),
        trust_env=False,
        timeout=ASK_S_MAX,
    )


async def _seen(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str] = NO_HEADERS
) -> _Seen:
    """Return what the gateway says of this very request."""
    status, body = await _ask(client, url, "/healthz/caller", headers)
    if status in _GATEWAY_AWAY:
        raise CheckError(
            f"{url}: the proxy there reaches no gateway (status {status}). Does `topup serve` run,"
            " and does the proxy name its address and port?"
        )
    try:
        if status == HTTPStatus.OK:
            return msgspec.json.decode(body, type=_Seen)
    except (msgspec.MsgspecError, RecursionError):
        pass
    raise CheckError(
        f"{url}: what answers is no gateway of this version (status {status} for"
        " /healthz/caller). Check TOPUP_PUBLIC_URL, and where the proxy sends that path"
    )


async def _ask(
    client: httpx.AsyncClient, url: str, path: str, headers: Mapping[str, str] = NO_HEADERS
) -> tuple[int, bytes]:
    """Return status and start of the body. Raises CheckError if TLS fails, CheckWarning if nothing responds."""
    try:
        # httpx bounds each read, so one byte at a time would never end.
        async with (
            asyncio.timeout(ASK_S_MAX),
            client.stream("GET", path, headers=headers) as answer,
        ):
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _BODY_BYTES_MAX:
                    break
            return answer.status_code, body[:_BODY_BYTES_MAX]
    except (httpx.HTTPError, TimeoutError) as error:
        refused = _tls_fault(error)
        if refused is not None:
            raise CheckError(
                f"{url}: its certificate is not believed here ({refused}). Clients see the same,"
                " unless they know the authority that signed it"
            ) from None
        raise CheckWarning(
            f"{url} does not answer this machine ({type(error).__name__}). If that is so from"
            f" elsewhere too, check the name, the firewall and the proxy: curl {url}/healthz"
        ) from None


def _tls_fault(error: BaseException) -> str | None:
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return found.verify_message
        if isinstance(found, ssl.SSLError):
            return found.reason or "no TLS there"
        found = found.__cause__ or found.__context__
    return None


def _address(url: str, seen: _Seen) -> Finding:
    if not url.startswith("https://") and not names_this_machine(url):
        detail = f"{url} is without TLS: keys and passwords can be read on the way"
        return Finding(
            "address", False, f"{detail}. Put a proxy with TLS in front (docs/deploy.md)"
        )
    if seen.host != "public":
        detail = (
            f"{url} answers, but the proxy changes the Host: links and sign-in will fail. Have it"
            " pass on the client's own: in nginx `proxy_set_header Host $host;`"
        )
        return Finding("address", False, detail)
    return Finding("address", True, f"{url} leads here")


def _proxy(url: str, seen: _Seen, *, believes_all: bool) -> Finding:
    """Check what the proxy says of its callers, and whether that is believed."""
    if believes_all:
        detail = (
            "passes on the X-Forwarded-For that a client claims: anybody chooses the address that"
            " limits and allow-lists see. Have it write its own:"
            " `proxy_set_header X-Forwarded-For $remote_addr;` in nginx"
        )
        return Finding("proxy", False, detail)
    if seen.proxy == "none" and names_this_machine(url):
        return Finding("proxy", True, "none in front, and none is believed")
    if seen.proxy != "trusted":
        detail = (
            "is not believed, or says nothing of its callers: all of them share one address, so"
            " limits on strangers (such as 5 sandboxes an hour) are for the whole world together,"
            " and IP allow-lists fail. Have it write X-Forwarded-For, and put its own address into"
            " TOPUP_TRUSTED_PROXIES"
        )
        return Finding("proxy", False, detail)
    scheme = urlsplit(url).scheme
    if seen.scheme not in (scheme, "unknown"):
        detail = f"says {seen.scheme} where TOPUP_PUBLIC_URL says {scheme}: one of them is wrong"
        return Finding("proxy", False, detail)
    if seen.address == "private":
        detail = (
            "is believed, and saw this caller at a private address: well if this machine is on that"
            " network; else a further proxy in between is missing in TOPUP_TRUSTED_PROXIES"
        )
        return Finding("proxy", True, detail)
    return Finding("proxy", True, "is believed, and says who calls")


async def _metrics(client: httpx.AsyncClient, url: str, seen: _Seen) -> Finding:
    try:
        status, _ = await _ask(client, url, "/metrics")
    except (CheckWarning, CheckError) as error:
        return Finding("metrics", None, str(error))
    if status != HTTPStatus.OK:
        return Finding("metrics", True, f"are not shown at {url}")
    if names_this_machine(url):
        return Finding("metrics", True, "are shown to this machine")
    advice = "refuse that path in the proxy (docs/proxies.md), and see TOPUP_METRICS_CIDRS"
    if seen.proxy == "trusted" and seen.address == "private":
        # By its own address, which TOPUP_METRICS_CIDRS may name, unlike a stranger's.
        detail = f"{url}/metrics is shown to this machine, through the proxy: better {advice}"
        return Finding("metrics", None, detail)
    return Finding("metrics", False, f"{url}/metrics is open to strangers: {advice}")
