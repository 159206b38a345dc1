"""Implement MCP's Tasks extension (io.modelcontextprotocol/tasks). A send that has to wait becomes a task
(docs/decisions/0047-mcp-tasks.md).

A task is the top-up itself and has no row of its own. LinkTokens derives its ID from the top-up's ID.
"""

from typing import Any, Final

from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp_types import CallToolResult, RequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field

from gateway.answers import response_codes as codes
from gateway.http.request_context import RequestContext
from gateway.mcp.calls import ToolRequest, answered
from gateway.mcp.message import INVALID_PARAMS
from gateway.mcp.tools import CANCEL, STATUS, TOOLS

EXTENSION: Final = "io.modelcontextprotocol/tasks"
MISSING_CAPABILITY: Final = -32021
_REQUIRED: Final[dict[str, Any]] = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
_WAITING: Final = frozenset({codes.PENDING, codes.APPROVAL_REQUIRED})
_READS: Final = "topup:read"
_PREFIX: Final = "task_"
_POLL_MS: Final = 2_000
# A user takes longer to respond than a supplier, so clients should poll less often.
_PERSON_POLL_MS: Final = 15_000
_PENDING: Final = "The top-up is being delivered."
_PERSON: Final = "The top-up waits for a person's approval."

Context = ServerRequestContext[Any, Any]
Call = RequestContext[Any, Any]


class TaskParams(RequestParams):
    task_id: str


class UpdateParams(TaskParams):
    input_responses: dict[str, Any] = Field(default_factory=dict)


def add_to(server: Server[Any], call_of: Any) -> None:
    async def get(ctx: Context, params: TaskParams) -> dict[str, Any]:
        call, topup_id = _checked(ctx, call_of, params)
        return await _detailed(call, params.task_id, topup_id)

    async def update(ctx: Context, params: UpdateParams) -> dict[str, Any]:
        # Our tasks ask no questions, so there are no answers to use.
        call, topup_id = _checked(ctx, call_of, params)
        await _read_task(call, STATUS, topup_id)
        return {}

    async def cancel(ctx: Context, params: TaskParams) -> dict[str, Any]:
        call, topup_id = _checked(ctx, call_of, params)
        # If the top-up was delivered in the meantime, it isn't cancelled, and the task's result says that it was
        # delivered.
        await _read_task(call, STATUS, topup_id)
        await _used(call, CANCEL, topup_id)
        return {}

    server.add_request_handler("tasks/get", TaskParams, get)
    server.add_request_handler("tasks/update", UpdateParams, update)
    server.add_request_handler("tasks/cancel", TaskParams, cancel)


def is_declared(ctx: Context) -> bool:
    declared = ctx.session.client_capabilities
    extensions = None if declared is None else declared.extensions
    is_modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    return is_modern and extensions is not None and EXTENSION in extensions


async def created(call: Call, sent: CallToolResult) -> CallToolResult | dict[str, Any]:
    envelope = sent.structured_content or {}
    topup_id = envelope.get("transaction_id")
    is_waiting = envelope.get("code") in _WAITING and topup_id is not None
    if not is_waiting or _READS not in call.principal.scopes:
        return sent
    task_id = _PREFIX + call.context.topup_rules.links.token_of("task", str(topup_id))
    now = await _used(call, STATUS, str(topup_id))
    if now.is_error:
        return sent
    if _code(now) != codes.PENDING:
        return now.model_copy(update={"meta": sent.meta})
    task = _task(task_id, now)
    held = sent.content[0]
    if _code(sent) == codes.APPROVAL_REQUIRED and held.type == "text":
        task["statusMessage"] = held.text
    return {"resultType": "task", **task, "_meta": sent.meta}


async def _detailed(call: Call, task_id: str, topup_id: str) -> dict[str, Any]:
    now = await _read_task(call, STATUS, topup_id)
    task = _task(task_id, now)
    if task["status"] == "completed":
        task["result"] = now.model_dump(by_alias=True, exclude_none=True, mode="json")
    return task


def _task(task_id: str, now: CallToolResult) -> dict[str, Any]:
    data, code = _data(now), _code(now)
    task: dict[str, Any] = {
        "taskId": task_id,
        "status": {codes.PENDING: "working", codes.CANCELLED: "cancelled"}.get(code, "completed"),
        "createdAt": data["created_at"],
        "lastUpdatedAt": data.get("settled_at") or data["created_at"],
        "ttlMs": None,
    }
    if code == codes.PENDING:
        has_person = data.get("approval_id") is not None
        task["statusMessage"] = _PERSON if has_person else _PENDING
        task["pollIntervalMs"] = _PERSON_POLL_MS if has_person else _POLL_MS
    return task


def _checked(ctx: Context, call_of: Any, params: TaskParams) -> tuple[Call, str]:
    if not is_declared(ctx):
        raise MCPError(MISSING_CAPABILITY, "Missing required client capability", _REQUIRED)
    call: Call = call_of(ctx)
    token = params.task_id.removeprefix(_PREFIX)
    topup_id = call.context.topup_rules.links.id_of("task", token)
    if topup_id is None or token == params.task_id:
        raise _unknown()
    return call, topup_id


async def _read_task(call: Call, tool: str, topup_id: str) -> CallToolResult:
    result = await _used(call, tool, topup_id)
    if result.is_error:
        if _code(result) == codes.NOT_FOUND:
            raise _unknown()
        error = _data(result)["error"]
        raise MCPError(INVALID_PARAMS, f"Failed to retrieve task: {error['detail']}", error)
    return result


async def _used(call: Call, tool: str, topup_id: str) -> CallToolResult:
    request = ToolRequest(call, TOOLS[tool], {"transaction_id": topup_id}, None, False, {})
    result = await answered(request)
    assert isinstance(result, CallToolResult), "only a send asks back"
    return result


def _unknown() -> MCPError:
    return MCPError(INVALID_PARAMS, "Failed to retrieve task: Task not found")


def _code(result: CallToolResult) -> int:
    return int((result.structured_content or {})["code"])


def _data(result: CallToolResult) -> dict[str, Any]:
    return dict((result.structured_content or {})["data"])
