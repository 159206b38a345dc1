"""Turn API responses into tool results, and ask the user when a send needs approval.

If the user declines, the top-up is cancelled. If the user closes the question without an answer, the top-up keeps
waiting.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from mcp_types import (
    CallToolResult,
    ElicitRequest,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequiredResult,
    TextContent,
)

from billing.ledger.ledger import InsufficientBalance
from billing.machine_payments.payment import PaymentRequired
from billing.orders.place import AMOUNT_CENTS_MAX, AMOUNT_CENTS_MIN
from gateway.answers import response_codes as codes
from gateway.answers.envelope import Envelope, refuse
from gateway.http.access_log import record
from gateway.http.body import ClientGone
from gateway.http.errors import note_failure, refusal_of
from gateway.http.own_acts import run_route
from gateway.http.request_context import RequestContext
from gateway.mcp.message import PAYMENTS, PaymentMeta
from gateway.mcp.schemas import arguments_of
from gateway.mcp.tools import CANCEL, PAID, SEND, STATUS, TOOLS, ApiTool
from gateway.repair import RefusedCall, repaired
from gateway.surfaces import API_PREFIX
from kernel.errors import DomainError
from kernel.fields import Fields
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


APPROVAL: Final = "approval"
_PERSON: Final = "A person has to approve this top-up at {url} until {expires_at}."
_HELD: Final = (
    " Its funds are held until then: wait_for tells the outcome, cancel_topup gives them back."
)
_DISMISSED: Final = "Nobody has decided yet. "
_DECLINED: Final = "The person declined, so the top-up was cancelled: its funds are back."
_decode = msgspec.json.Decoder(Envelope).decode
_encode = msgspec.json.Encoder().encode


class ToolRequest(NamedTuple):
    """A tool call with its arguments. `responses` is None until the user is asked."""

    call: RequestContext[Fields, Fields]
    tool: ApiTool
    arguments: Mapping[str, Any]
    responses: Mapping[str, Any] | None
    may_ask: bool
    meta: Mapping[str, Any]


async def answered(asked: ToolRequest) -> CallToolResult | InputRequiredResult:
    if asked.tool is PAID or (asked.tool.name == SEND and not PAYMENTS.isdisjoint(asked.meta)):
        return await _paid(asked)
    try:
        envelope = await _done(asked)
        if asked.tool.name == SEND and envelope.transaction_id is None:
            envelope = await _settling(asked) or await _done(asked)
    except ClientGone:
        return CallToolResult(content=[], is_error=True)
    except InsufficientBalance as error:
        return _refused(asked, error, await _price(asked))
    except Exception as error:
        # Don't raise the error, because the SDK would show its message to the caller.
        return _refused(asked, error)
    if envelope.code != codes.APPROVAL_REQUIRED:
        return _result(asked, envelope)
    said = _elicited(asked)
    if said is None:
        return _question(envelope) if asked.may_ask else _result(asked, envelope, _held(envelope))
    return await _decided(asked, envelope, said)


async def _paid(asked: ToolRequest) -> CallToolResult:
    # Don't ask about a paid send, because declining would leave a payment without a top-up.
    from gateway.mcp.paid import PaidSend  # noqa: PLC0415 the protocols' packages are large

    send = None
    try:
        wanted = asked.tool.call_of(asked.arguments, asked.call.environment)
        send = PaidSend(asked.call, wanted.body, asked.meta)
        envelope = await send.run(wanted.key)
    except Exception as error:
        return _refused(asked, error, None if send is None else send.said)
    is_held = envelope.code == codes.APPROVAL_REQUIRED
    return _result(asked, envelope, _held(envelope) if is_held else None, send.said)


async def _settling(asked: ToolRequest) -> Envelope | None:
    from gateway.mcp.paid import PaidSend  # noqa: PLC0415 see _paid

    wanted = asked.tool.call_of(asked.arguments, asked.call.environment)
    assert wanted.key is not None, "only a stored answer names no top-up"
    return await PaidSend(asked.call, wanted.body, {}).earlier(wanted.key)


async def _price(asked: ToolRequest) -> PaymentMeta | None:
    from gateway.mcp.paid import PaidSend  # noqa: PLC0415 see _paid

    if asked.tool.name != SEND:
        return None
    try:
        send = PaidSend(asked.call, asked.tool.call_of(asked.arguments).body, {})
        await send.run()
    except PaymentRequired:
        return send.said
    except DomainError:
        # The key forbids the payment, or no payment is offered. Return only the original error.
        return None
    return None


async def _done(asked: ToolRequest) -> Envelope:
    call, tool = asked.call, asked.tool
    wanted = tool.call_of(asked.arguments, call.principal.environment)
    return await run_route(
        call,
        wanted.route,
        wanted.body,
        wanted.ids,
        query=wanted.query,
        key=wanted.key,
        is_waiting=True,
    )


def _elicited(asked: ToolRequest) -> str | None:
    response = (asked.responses or {}).get(APPROVAL)
    return response.action if isinstance(response, ElicitResult) else None


async def _decided(asked: ToolRequest, held: Envelope, said: str) -> CallToolResult:
    call, which = asked.call, held.transaction_id
    if said == "decline":
        try:
            cancelled = await run_route(call, TOOLS[CANCEL].route, {"transaction_id": which})
        except DomainError:
            # The approval was decided or expired before the client answered.
            pass
        else:
            return _result(asked, cancelled, _DECLINED)
    try:
        now = await run_route(call, TOOLS[STATUS].route, ids={"transaction_id": str(which)})
    except DomainError:
        return _result(asked, held, _held(held))
    if now.code != codes.PENDING:
        return _result(asked, now)
    return _result(asked, held, ("" if said == "accept" else _DISMISSED) + _held(held))


def _held(envelope: Envelope) -> str:
    return _PERSON.format_map(envelope.data["approval"]) + _HELD


def _question(envelope: Envelope) -> InputRequiredResult:
    """Ask the user to approve. The funds are already held, and a repeated call gets the same top-up."""
    params = ElicitRequestURLParams(
        message="This top-up is above the key's threshold: a person has to approve it."
        " Declining cancels it.",
        url=envelope.data["approval"]["url"],
    )
    return InputRequiredResult(input_requests={APPROVAL: ElicitRequest(params=params)})


def _refused(
    asked: ToolRequest, error: Exception, said: PaymentMeta | None = None
) -> CallToolResult:
    call, tool = asked.call, asked.tool
    note_failure(call, error)
    path = tool.path if tool is PAID else API_PREFIX + tool.path
    inner = RefusedCall(tool.method, path, asked.arguments)
    refusal = repaired(call, refusal_of(error), inner)
    if refusal.error["next_action"] == "top_up":
        ways = order_of(call.context, call.principal, asked.arguments)
        links = [*ways, *refusal.error.get("links", ())]
        refusal = replace(refusal, error={**refusal.error, "links": links})
    answer = refuse(refusal, call.now_us)
    # The HTTP status is 200, because the message itself was accepted.
    record(call, answer.status, answer.body, fragment=f"#{tool.name}")
    return _result(asked, _decode(answer.body), said=said)


def _with_tools(asked: ToolRequest, value: dict[str, Any]) -> dict[str, Any]:
    data = value["data"]
    if asked.call.credential is None:
        return value
    for place in (data, data.get("error")) if isinstance(data, dict) else ():
        if isinstance(place, dict) and "links" in place:
            place["links"] = as_tools(place["links"], asked.call.principal)
    return value


def _result(
    asked: ToolRequest,
    envelope: Envelope,
    first: str | None = None,
    said: PaymentMeta | None = None,
) -> CallToolResult:
    """Return the envelope as structured values and as text. Put the sentence `first`, if any, before the text.

    The fields that x402 clients read are added next to the envelope's own fields.
    """
    value = _with_tools(asked, msgspec.to_builtins(envelope))
    if said is not None:
        value |= said.required
    texts = [_encode(value).decode()]
    return CallToolResult(
        content=[TextContent(text=text) for text in ([first] if first else []) + texts],
        structured_content=value,
        is_error=not envelope.success,
        _meta={
            "request_id": asked.call.request_id.decode(),
            **({} if said is None else said.meta),
        },
    )
