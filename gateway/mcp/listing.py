"""List the tools that a caller's scopes allow, made once for each set of tools and limits."""

from functools import lru_cache
from typing import Any, Final

from mcp_types import Tool

from billing.reports.own_key import SHOW_OWN
from billing.topups.platform import Platform
from gateway.http.own_acts import read_own
from gateway.http.request_context import RequestContext
from gateway.mcp.links import allowed, providers_of
from gateway.mcp.schemas import Offer, input_schema, output_schema
from gateway.mcp.tool import ApiTool
from gateway.mcp.tools import PAID, TOOLS
from gateway.x402.offered import LIVE_FIRST, offered

_OWN_KEY: Final = SHOW_OWN.path


async def tools_of(call: RequestContext[Any, Any]) -> list[Tool]:
    if call.credential is None:
        return [_of(PAID, _offer_to_strangers(call))]
    principal = call.principal
    names = tuple(
        name
        for name, tool in TOOLS.items()
        if allowed(tool, principal) and (principal.lineage or tool.path != _OWN_KEY)
    )
    return _listed(names, await _offer(call))


def _offer_to_strangers(call: RequestContext[Any, Any]) -> Offer:
    for environment in LIVE_FIRST:
        if offered(call.context, environment):
            return Offer(tuple(call.context.topup_rules.platforms.of(environment).offered()))
    return Offer()


async def _offer(call: RequestContext[Any, Any]) -> Offer:
    context, principal = call.context, call.principal
    offered = context.topup_rules.platforms.of(principal.environment).offered()
    offer = Offer(tuple(offered), providers_of(context, principal.environment))
    if not principal.lineage:
        return offer
    own = await read_own(call, SHOW_OWN)
    return Offer(
        tuple(one for one in offered if _is_listed(one, own["platforms"])),
        offer.providers,
        own["per_call_cents"],
        None if own["recipients"] is None else tuple(own["recipients"]),
    )


def _is_listed(platform: Platform, ids: list[str] | None) -> bool:
    return ids is None or platform.id in ids


@lru_cache(maxsize=256)
def _listed(names: tuple[str, ...], offer: Offer) -> list[Tool]:
    return [_of(TOOLS[name], offer) for name in names]


def _of(tool: ApiTool, offer: Offer) -> Tool:
    return Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=input_schema(tool, offer),
        output_schema=output_schema(tool),
        annotations=tool.hints,
    )
