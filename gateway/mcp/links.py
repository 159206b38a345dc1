"""Turn links of a response into calls of tools: an agent that has only tools cannot follow an
address.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from billing.orders.place import AMOUNT_CENTS_MAX, AMOUNT_CENTS_MIN
from gateway.mcp.schemas import arguments_of
from gateway.mcp.tool import ApiTool
from gateway.mcp.tools import TOOLS
from gateway.surfaces import API_PREFIX
from keys.principal import Environment, Principal
from runtime.context import Context

_Link = Mapping[str, Any]

_ORDER: Final = "create_order"
_ORDER_CENTS: Final = 1_000
_SANDBOX: Final = "sandbox"


def allowed(tool: ApiTool, principal: Principal) -> bool:
    return not principal.scopes.isdisjoint(tool.route.scopes)


def as_tools(links: Sequence[_Link], principal: Principal) -> list[_Link]:
    return [link if "tool" in link else _as_tool(link, principal) or link for link in links]


def _as_tool(link: _Link, principal: Principal) -> _Link | None:
    href = urlsplit(link["href"])
    path = href.path.partition(API_PREFIX)[2]
    for tool in TOOLS.values():
        if tool.method == link["method"] and allowed(tool, principal):
            arguments = _arguments(tool, path, dict(parse_qsl(href.query)))
            if arguments is not None:
                body = link.get("body") or {}
                return {"rel": link["rel"], "tool": tool.name, "arguments": {**arguments, **body}}
    return None


def _arguments(tool: ApiTool, path: str, query: Mapping[str, str]) -> Mapping[str, Any] | None:
    known = arguments_of(tool)
    if not query.keys() <= known.keys():
        return None
    for pattern in _patterns(tool):
        found = pattern.fullmatch(path)
        if found is not None:
            read = {
                name: int(value) if known[name].get("type") == "integer" else value
                for name, value in query.items()
            }
            return {**{name: unquote(value) for name, value in found.groupdict().items()}, **read}
    return None


def order_of(context: Context, principal: Principal, arguments: Mapping[str, Any]) -> list[_Link]:
    providers = providers_of(context, principal.environment)
    if not providers or not allowed(TOOLS[_ORDER], principal):
        return []
    amount = arguments.get("amount_cents")
    cents = amount if type(amount) is int else _ORDER_CENTS
    bounded = min(max(cents, AMOUNT_CENTS_MIN), AMOUNT_CENTS_MAX)
    return [
        {
            "rel": "order",
            "tool": _ORDER,
            "arguments": {"provider": providers[0], "amount_cents": bounded},
        }
    ]


def providers_of(context: Context, environment: Environment) -> tuple[str, ...]:
    providers = context.payments.providers
    offered = providers.offered(environment)
    is_simulated_offered = any(
        providers.is_simulated(name, environment)
        and not providers.charge(name, environment).currency
        for name in offered
    )
    return (_SANDBOX, *offered) if is_simulated_offered else tuple(offered)


@cache
def _patterns(tool: ApiTool) -> list[re.Pattern[str]]:
    return [re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)) for path in tool.paths]
