"""Serve an authenticated request to /mcp. The SDK's server runs the API's own calls.

No state outlives a request, so any gateway process can serve it.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final, cast

import msgspec
from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.server.caching import CacheHint
from mcp.server.context import CallNext, HandlerResult
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import (
    INTERNAL_ERROR,
    CallToolRequestParams,
    CallToolResult,
    DiscoverResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    RequestParams,
    Tool,
)
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError
from starlette.types import Message as AsgiMessage, Receive, Scope, Send

from billing.reports.key_limit_acts import SHOW_OWN
from billing.topups.platform import Platform
from gateway.http.errors import note_failure, refusal_of
from gateway.http.fields import refuse_repeated_names
from gateway.http.own_acts import read_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.mcp import events, tasks
from gateway.mcp.calls import ToolRequest, allowed, answered, providers_of
from gateway.mcp.message import INVALID_PARAMS, Message, read
from gateway.mcp.schemas import Offer, input_schema, output_schema
from gateway.mcp.tools import PAID, SEND, TOOLS, ApiTool
from gateway.x402.offered import LIVE_FIRST, offered
from kernel import version
from kernel.fields import Fields
from kernel.limits import BODY_BYTES_MAX
from keys.principal import require_scope

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


_CALL: Final = "topup.call"
_VERSIONS: Final = tuple(reversed(KNOWN_PROTOCOL_VERSIONS))
# The lists change rarely: when a key's scopes or limits change, or when the operator changes platforms.
_LIST_MS: Final = 60_000
_DISCOVER_MS: Final = 3_600_000
_INSTRUCTIONS: Final = """\
Prepaid AI credit. To send some, call send_topup with platform, amount_cents (US cents), recipient_email and an \
idempotency_key of your own; nothing has to be called first.
When an answer was lost, repeat the call with the same idempotency_key; a new key is a new payment. If you may plan \
again, give an intent as well, made of the wish itself: the same intent is never paid twice. /docs/send-once.md compares them.
Results are envelopes: code 1001 delivered; 1002 pending, use wait_for; 3006 a person has to approve at \
data.approval.url: show it, then use wait_for.
An error says in data.error.next_action what to do: fix_request (data.error.errors has what would be right), poll, \
wait, top_up, ask_human or stop. Do not repeat a call that says ask_human or stop."""
_PAID_INSTRUCTIONS: Final = """\
Prepaid AI credit, paid in the call that sends it: no key, no sign-up. Call send_topup; its first answer names the price, \
for clients of x402 in the result itself and for those of the Machine Payments Protocol in _meta, and the same call with a \
payment in _meta sends the credit. After a lost answer repeat the call with the same payment: nothing is charged twice. \
With environment: staging nothing is real."""

Context = ServerRequestContext[Any, Any]


def server(*, is_paid: bool = False) -> Callable[[RequestContext[Fields, Fields]], Reply]:
    instructions = _PAID_INSTRUCTIONS if is_paid else _INSTRUCTIONS
    made = Server(
        "topup-gateway",
        version=version.base(),
        title="Topup Gateway",
        instructions=instructions,
        cache_hints={
            "tools/list": CacheHint(_LIST_MS, "private"),
            "server/discover": CacheHint(_DISCOVER_MS, "public"),
        },
        # Don't repeat arguments in headers, because clients would then have to list the tools before each call.
        get_tool_input_schema=_no_header_of,
        on_list_tools=_list_tools,
        on_call_tool=cast(Any, _call_tool),
    )
    made.middleware.append(_with_sentences)
    if not is_paid:
        events.add_to(made, _call_of)
        tasks.add_to(made, _call_of)
        made.middleware.append(_with_extensions)

    async def discover(ctx: Context, _params: RequestParams) -> DiscoverResult:
        # The SDK names only the newest protocol version, but this server supports older ones, too.
        capabilities = made.get_capabilities(protocol_version=ctx.protocol_version)
        return DiscoverResult(
            supported_versions=list(_VERSIONS),
            capabilities=capabilities,
            instructions=instructions,
        )

    made.add_request_handler("server/discover", RequestParams, discover)
    return partial(_reply, made)


def _reply(server: Server[Any], call: RequestContext[Fields, Fields]) -> Reply:
    message = read(call.raw, call.headers, _VERSIONS)
    if not isinstance(message, Message):
        return message
    # If a name were repeated, the SDK would silently use its last value.
    refuse_repeated_names(call.raw)
    _check_scope(call, message)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        parts: list[AsgiMessage] = [{"type": "http.request", "body": call.raw, "more_body": False}]

        async def replay() -> AsgiMessage:
            return parts.pop() if parts else await receive()

        manager = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=BODY_BYTES_MAX
        )
        # Whitespace around a header's value isn't part of it (RFC 9110, 5.5). uvicorn's parser leaves it there.
        headers = [(name, value.strip()) for name, value in scope["headers"]]
        async with manager.run():
            await manager.handle_request({**scope, "headers": headers, _CALL: call}, replay, send)

    return answer


def _check_scope(call: RequestContext[Fields, Fields], message: Message) -> None:
    """Raise ScopeMissing if a token can't call the tool. Its client can then request more scopes.

    An API key's scopes are its owner's decision. With a key, the tool itself reports the error to the agent.
    """
    tool = None if message.tool is None else TOOLS.get(message.tool)
    if call.credential is None:
        return
    if tool is not None and call.principal.kind != "key" and not allowed(tool, call.principal):
        require_scope(call.principal, *tool.route.scopes)


def _no_header_of(_tool: str) -> None:
    return None


async def _list_tools(ctx: Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(tools=await tools_of(_call_of(ctx)))


async def _call_tool(
    ctx: Context, params: CallToolRequestParams
) -> CallToolResult | InputRequiredResult | dict[str, Any]:
    call = _call_of(ctx)
    caller = call.credential
    tools = {SEND: PAID} if caller is None else TOOLS
    tool = tools.get(params.name)
    if tool is None:
        known = [name for name, one in tools.items() if caller is None or allowed(one, caller)]
        raise MCPError(
            INVALID_PARAMS, f"Unknown tool: {params.name[:64]}", {"param": "name", "allowed": known}
        )
    asked = ToolRequest(
        call,
        tool,
        params.arguments or {},
        params.input_responses,
        _opens_addresses(ctx),
        _meta_of(call.raw),
    )
    result = await answered(asked)
    if tool.name != SEND or caller is None or isinstance(result, InputRequiredResult):
        return result
    return await tasks.created(call, result) if tasks.is_declared(ctx) else result


def _call_of(ctx: Context) -> RequestContext[Fields, Fields]:
    assert ctx.request is not None, "the transport hands the request on"
    call: RequestContext[Fields, Fields] = ctx.request.scope[_CALL]
    return call


def _meta_of(raw: bytes) -> Mapping[str, Any]:
    message = msgspec.json.decode(raw)
    found = (message.get("_meta"), message["params"].get("_meta"))
    return {name: one[name] for one in found if isinstance(one, dict) for name in one}


def _opens_addresses(ctx: Context) -> bool:
    declared = ctx.session.client_capabilities
    is_modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    elicits = None if declared is None else declared.elicitation
    return is_modern and elicits is not None and elicits.url is not None


async def _with_extensions(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Add to server/discover the extensions that the SDK can't list itself."""
    result = await call_next(ctx)
    if ctx.method != "server/discover" or not isinstance(result, dict):
        return result
    capabilities = dict(result["capabilities"])
    capabilities["extensions"] = {events.EXTENSION: {}, tasks.EXTENSION: {}}
    capabilities["events"] = {}
    return {**result, "capabilities": capabilities}


async def _with_sentences(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Describe what is wrong in a method's params. Hide the message of an unexpected error."""
    try:
        return await call_next(ctx)
    except MCPError:
        raise
    except ValidationError as error:
        faults = [
            {"param": ".".join(map(str, one["loc"])), "detail": one["msg"]}
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        words = f"Invalid params: {faults[0]['param']}: {faults[0]['detail']}"
        raise MCPError(INVALID_PARAMS, words, {"errors": faults}) from None
    except Exception as error:
        note_failure(_call_of(ctx), error)
        words = f"Internal error: {refusal_of(error).error['detail']}"
        raise MCPError(INTERNAL_ERROR, words) from None
