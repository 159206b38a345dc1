"""What /mcp does with a request that was let in: the SDK's server over the API's own calls.

Promise: a tool call is a call of the API by the same principal: the pipeline admits it (credential,
address, rate, scope), gateway/internal_client.py does it, and an Idempotency-Key means the same on both
ways. Invariant: nothing outlives a request, so any gateway answers any call: the SDK's session
manager is opened for one request and closed with it. Loaded by gateway/mcp/endpoint.py at the first request.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import msgspec
from mcp.server import Server, ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    ElicitRequestURLParams,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.answers import response_codes as codes
from gateway.answers.envelope import Envelope, refuse
from gateway.http.errors import is_expected, refusal_of
from gateway.http.fields import Fields
from gateway.http.request_context import RequestContext
from gateway.internal_client import ask
from gateway.mcp.tools import TOOLS, ApiTool, listed
from gateway.repair.repair import RefusedCall, repaired
from gateway.surfaces import API_PREFIX
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.limits import BODY_BYTES_MAX

APPROVAL: Final = "approval"
_CALL: Final = "topup.call"
_INSTRUCTIONS: Final = (
    "Prepaid AI credit: send_topup spends real or test credit of the account that the key belongs to."
    " Every result is an envelope with a numeric code. An error says in next_action what to do:"
    " fix_request, wait, top_up, ask_human or stop. Rehearse with validate_topup, and repeat a call"
    " whose answer was lost with the same idempotency_key."
)
_decode = msgspec.json.Decoder(Envelope).decode
_log = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]


def server() -> Callable[[RequestContext[Fields, Fields]], ASGIApp]:
    """What answers an admitted request; each with an application of its own."""
    made = Server(
        "topup-gateway",
        version=version("topup-gateway"),
        instructions=_INSTRUCTIONS,
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
    )
    return partial(_one_request, made)


def _one_request(server: Server[Any], call: RequestContext[Fields, Fields]) -> ASGIApp:
    """The SDK's application for this request alone, with the body that was read already."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        parts: list[Message] = [{"type": "http.request", "body": call.raw, "more_body": False}]

        async def replay() -> Message:
            return parts.pop() if parts else await receive()

        manager = StreamableHTTPSessionManager(
            server, json_response=True, stateless=True, max_request_body_size=BODY_BYTES_MAX
        )
        async with manager.run():
            await manager.handle_request({**scope, _CALL: call}, replay, send)

    return answer


async def _list_tools(_ctx: Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(tools=listed())


async def _call_tool(
    ctx: Context, params: CallToolRequestParams
) -> CallToolResult | InputRequiredResult:
    """Does the call; whatever refuses it is told in the result, where an agent can read it."""
    assert ctx.request is not None, "the transport hands the request on"
    call: RequestContext[Fields, Fields] = ctx.request.scope[_CALL]
    may_open = _opens_addresses(ctx)
    tool = TOOLS.get(params.name)
    try:
        if tool is None:
            raise NotFound("Tool")
        path, body, key = tool.call_of(params.arguments or {})
        if tool.takes_key and key is None and may_open:
            # The client comes back for the result once it has shown the address.
            key = params.request_state or new_id("mcp")
        envelope = await ask(call, tool.method, path, body, idempotency_key=key)
    except Exception as error:
        # The SDK would tell the caller an unexpected error's own words.
        return _refused(call, error, tool, params.arguments or {})
    is_first = params.input_responses is None and params.request_state is None
    if envelope.code == codes.APPROVAL_REQUIRED and may_open and is_first:
        return _open_approval(envelope, key)
    return _result(envelope)


def _opens_addresses(ctx: Context) -> bool:
    """Whether the client can be asked to show a person an address, and then comes back."""
    declared = ctx.session.client_capabilities
    is_modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    elicits = None if declared is None else declared.elicitation
    return is_modern and elicits is not None and elicits.url is not None


def _open_approval(envelope: Envelope, key: str | None) -> InputRequiredResult:
    """The send is held already; coming back with the state gets its stored answer."""
    approval = envelope.data["approval"]
    asked = ElicitRequest(
        params=ElicitRequestURLParams(
            message="This top-up is above the key's threshold: a person has to approve it.",
            url=approval["url"],
        )
    )
    return InputRequiredResult(input_requests={APPROVAL: asked}, request_state=key)


def _refused(
    call: RequestContext[Fields, Fields],
    error: Exception,
    tool: ApiTool | None,
    arguments: Mapping[str, Any],
) -> CallToolResult:
    if not is_expected(error):
        fields = {"request_id": call.request_id.decode(), "route": call.template}
        _log.error("request.failed", exc_info=error, extra={"fields": fields})
    method, path = ("POST", "") if tool is None else (tool.method, API_PREFIX + tool.path)
    refusal = repaired(call, refusal_of(error), RefusedCall(method, path, arguments))
    return _result(_decode(refuse(refusal, call.now_us).body))


def _result(envelope: Envelope) -> CallToolResult:
    """The envelope, as values and as text; for a held send, first of all where to go."""
    value = msgspec.to_builtins(envelope)
    texts: Sequence[str] = [msgspec.json.encode(value).decode()]
    if envelope.code == codes.APPROVAL_REQUIRED:
        approval = envelope.data["approval"]
        first = f"A person has to approve this top-up at {approval['url']}"
        texts = [f"{first} until {approval['expires_at']}; get_status tells the outcome.", *texts]
    return CallToolResult(
        content=[TextContent(text=text) for text in texts],
        structured_content=value,
        is_error=not envelope.success,
    )
