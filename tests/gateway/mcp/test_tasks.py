"""MCP's Tasks extension: a send that waits is a task, for a client that says it knows them."""

from collections.abc import Sequence
from typing import Any, Literal

import pytest
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp_types import CallToolResult, Request, RequestParams, Result

from tests.support.gateway import Gateway
from tests.support.gateway_worker import fulfil
from tests.support.mcp_agent import ORDER, agent, fresh_key
from tests.support.mcp_events import EventsClient

pytestmark = pytest.mark.one_database

EXTENSION = "io.modelcontextprotocol/tasks"
KNOWS: dict[str, Any] = {
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {EXTENSION: {}}}
}


class TasksClient(EventsClient):
    """Declares the extension on each request."""

    async def request(
        self, method: str, params: dict[str, Any] | None = None, **meta: Any
    ) -> dict[str, Any]:
        return await super().request(method, params, **{**KNOWS, **meta})

    async def send(self, **arguments: Any) -> dict[str, Any]:
        call = {"name": "send_topup", "arguments": {**ORDER, **fresh_key(), **arguments}}
        return await self.result("tools/call", call)


async def client_of(gateway: Gateway, **fields: Any) -> TasksClient:
    return TasksClient(gateway, await gateway.key(await gateway.account(), **fields))


async def test_what_is_delivered_at_once_is_no_task(gateway: Gateway) -> None:
    client = await client_of(gateway)
    sent = await client.send()

    assert (sent["resultType"], sent["structuredContent"]["code"]) == ("complete", 1001)


async def test_a_send_that_waits_is_a_task_until_it_ends(gateway: Gateway) -> None:
    client = await client_of(gateway)
    task = await client.send(recipient_email="pending@sandbox.test")
    which = {"taskId": task["taskId"]}
    working = await client.result("tasks/get", which)
    await fulfil(gateway)
    done = await client.result("tasks/get", which)

    assert (task["resultType"], task["status"], task["ttlMs"]) == ("task", "working", None)
    assert task["createdAt"] == working["createdAt"]
    assert (working["resultType"], working["status"]) == ("complete", "working")
    assert "result" not in working
    assert working["pollIntervalMs"] > 0
    assert done["resultType"] == "complete"
    if done["status"] == "completed":
        assert done["result"]["structuredContent"]["code"] in {1001, 3005}


async def test_a_send_for_a_person_names_where_they_decide(gateway: Gateway) -> None:
    account_id = await gateway.account()
    client = TasksClient(gateway, await gateway.key(account_id, approval_threshold_cents=500))
    decider = await gateway.key(account_id)
    task = await client.send()
    waiting = (await gateway.call("GET", "/approvals", key=decider)).json()["data"]["items"]
    await gateway.call("POST", f"/approvals/{waiting[0]['id']}/approve", key=decider)
    done = await client.result("tasks/get", {"taskId": task["taskId"]})

    assert task["resultType"] == "task"
    assert "A person has to approve this top-up at http" in task["statusMessage"]
    assert done["status"] == "completed"
    assert done["result"]["isError"] is False
    assert done["result"]["structuredContent"]["code"] == 1001


async def test_a_cancelled_task_gives_the_funds_back(gateway: Gateway) -> None:
    client = await client_of(gateway, approval_threshold_cents=500)
    task = await client.send()
    which = {"taskId": task["taskId"]}
    acknowledged = await client.result("tasks/cancel", which)
    again = await client.result("tasks/cancel", which)
    ended = await client.result("tasks/get", which)

    assert acknowledged["resultType"] == again["resultType"] == "complete"
    assert ended["status"] == "cancelled"


async def test_answers_to_no_question_are_ignored(gateway: Gateway) -> None:
    client = await client_of(gateway, approval_threshold_cents=500)
    task = await client.send()
    which = {"taskId": task["taskId"]}
    told = await client.result("tasks/update", {**which, "inputResponses": {"x": {}}})

    assert told["resultType"] == "complete"
    assert (await client.result("tasks/get", which))["status"] == "working"


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
async def test_a_foreign_or_forged_task_is_not_found(gateway: Gateway, method: str) -> None:
    mine = await client_of(gateway, approval_threshold_cents=500)
    other = await client_of(gateway)
    task_id = (await mine.send())["taskId"]
    forged = task_id[:-1] + ("A" if task_id[-1] != "A" else "B")
    transaction = task_id.replace("task_", "txn_")
    for client, which in (
        (other, task_id),
        (mine, forged),
        (mine, transaction),
        (mine, task_id.removeprefix("task_")),
        (mine, ""),
        (mine, "x" * 5_000),
    ):
        code, _ = await client.error(method, {"taskId": which, "inputResponses": {}})
        assert code == -32602


async def test_a_client_that_does_not_declare_it_gets_results(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account(), approval_threshold_cents=500)
    plain, knowing = EventsClient(gateway, key), TasksClient(gateway, key)
    call = {"name": "send_topup", "arguments": {**ORDER, **fresh_key()}}
    sent = await plain.result("tools/call", call)
    task_id = (await knowing.send(distinct=True))["taskId"]
    code, data = await plain.error("tasks/get", {"taskId": task_id})

    assert (sent["resultType"], sent["structuredContent"]["code"]) == ("complete", 3006)
    assert code == -32021
    assert data == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}


async def test_a_key_that_may_not_read_gets_no_task(gateway: Gateway) -> None:
    client = await client_of(gateway, approval_threshold_cents=500, scopes=("topup:send",))
    sent = await client.send()

    assert sent["structuredContent"]["code"] == 3006


async def test_a_send_is_told_although_it_cannot_be_read(gateway: Gateway) -> None:
    client = await client_of(gateway, approval_threshold_cents=500)
    database = gateway.context.database
    await database.transaction(lambda tx: tx.execute("ALTER TABLE topup_reversals RENAME TO away"))
    try:
        sent = await client.send()
    finally:
        await database.transaction(
            lambda tx: tx.execute("ALTER TABLE away RENAME TO topup_reversals")
        )

    assert sent["structuredContent"]["code"] == 3006
    assert sent["structuredContent"]["transaction_id"]


class _Task(Result):
    result_type: Literal["task"] = "task"
    task_id: str
    status: str


class _GetParams(RequestParams):
    task_id: str


class _Get(Request[_GetParams, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    params: _GetParams


class _Detailed(Result):
    status: str
    result: dict[str, Any] | None = None


class _Tasks(ClientExtension):
    """The official client's way to know an extension: it finishes a task by polling."""

    identifier = EXTENSION

    def __init__(self, gateway: Gateway, decider: str) -> None:
        self._gateway = gateway
        self._decider = decider

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=_Task, resolve=self._resolve)]

    async def _resolve(self, task: _Task, context: ClaimContext) -> CallToolResult:
        waiting = await self._gateway.call("GET", "/approvals", key=self._decider)
        which = waiting.json()["data"]["items"][0]["id"]
        await self._gateway.call("POST", f"/approvals/{which}/approve", key=self._decider)
        asked = _Get(params=_GetParams(task_id=task.task_id))
        got = await context.session.send_request(asked, _Detailed)
        assert got.status == "completed"
        return CallToolResult.model_validate(got.result)


async def test_the_official_client_finishes_a_task(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, approval_threshold_cents=500)
    decider = await gateway.key(account_id)
    async with agent(gateway, key, extensions=[_Tasks(gateway, decider)]) as client:
        sent = await client.send()

    assert sent.structured_content is not None
    assert sent.structured_content["code"] == 1001
