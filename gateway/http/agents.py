"""Name the agent that signed a request (Web Bot Auth). The name authorizes nothing."""

from typing import Any
from urllib.parse import urlsplit

from msgspec import UnsetType

from gateway.http.rate_limit import take_one
from gateway.http.request_context import RequestContext
from keys.signatures.web_bot_auth import AGENT_HEADER, Target

_PORTS = {"http": ":80", "https": ":443"}


def agent_of(call: RequestContext[Any, Any]) -> str | None:
    """Return the agent's URL, or None, checked once for each request."""
    if AGENT_HEADER not in call.headers:
        return None
    if isinstance(call.agent, UnsetType):
        call.agent = call.context.agents.caller_of(_target_of(call), call.credential)
    return call.agent


async def limit_agent(call: RequestContext[Any, Any]) -> None:
    rate_per_s = call.context.settings.rate_limit_agent_per_s
    agent = agent_of(call) if rate_per_s else None
    if agent is not None:
        await take_one(
            call.context.limiter,
            f"agent:{agent}",
            count=2 * rate_per_s,
            period_s=2,
            detail=f"{rate_per_s} calls a second are allowed for the agent {agent}",
        )


def _target_of(call: RequestContext[Any, Any]) -> Target:
    scheme, host = call.scope["scheme"], call.headers.get(b"host", b"").decode("latin-1").lower()
    if call.context.settings.public_url:
        parts = urlsplit(call.context.settings.public_url)
        scheme, host = parts.scheme, parts.netloc.lower()
    raw_path = call.scope.get("raw_path") or call.path.encode()
    return Target(
        call.method,
        scheme,
        host.removesuffix(_PORTS.get(scheme, "")),
        raw_path.partition(b"?")[0].decode("latin-1"),
        call.scope["query_string"].decode("latin-1"),
        call.headers,
    )
