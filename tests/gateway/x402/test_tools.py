"""send_topup that its own call pays for, over MCP: as over HTTP, without an account and with one."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import validate
from x402.extensions.bazaar import extract_discovery_info

from store.database import Transaction
from tests.support import node
from tests.support.facilitator import FacilitatorService
from tests.support.gateway import Gateway, running, settings_of
from tests.support.machine_payer import Wallet
from tests.support.mcp_events import EventsClient
from tests.support.paying import BODY, delivered_cents, findings, make_due, rows, sweep
from tests.support.paying_tools import (
    CHALLENGES,
    CREDENTIAL,
    RECEIPT,
    RESPONSE,
    X402,
    by_token,
    code_of,
    rpc,
    send,
    signed,
)


async def test_one_unpaid_answer_carries_both_ways_to_pay(gateway: Gateway) -> None:
    [tool] = (await rpc(gateway, "tools/list", {}))["result"]["tools"]
    asked = await send(gateway)

    told = asked["structuredContent"]
    assert tool["name"] == "send_topup"
    validate(tool["outputSchema"], told)
    assert (asked["isError"], told["code"], told["x402Version"]) == (True, 2013, 2)
    assert json.loads(asked["content"][0]["text"]) == told
    assert told["accepts"] == told["data"]["error"]["accepts"]
    assert told["resource"]["url"] == f"{gateway.url}/x402/mcp"
    entry = told["extensions"]["bazaar"]["info"]["input"]
    assert (entry["type"], entry["toolName"]) == ("mcp", "send_topup")
    assert entry["inputSchema"]["required"] == ["platform", "amount_cents", "recipient_email"]
    data = asked["_meta"][CHALLENGES]
    [challenge] = data["challenges"]
    assert (data["httpStatus"], challenge["method"], challenge["intent"]) == (
        402,
        "stripe",
        "charge",
    )
    assert challenge["request"]["amount"] == "1000"
    assert await rows(gateway, "staging") == []


async def test_a_payment_by_wallet_sends_once_whatever_is_repeated(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    wallet = Wallet()
    meta = await signed(await send(gateway), wallet=wallet)

    paid, other = await asyncio.gather(send(gateway, meta=meta), send(gateway, meta=meta))
    again = await send(gateway, meta=meta)
    elsewhere = await gateway.client.post("/x402/topup", json=BODY)
    changed = await send(gateway, meta=meta, recipient_email="thief@example.com")

    assert {code_of(one) for one in (paid, other, again)} == {1001}
    assert not paid["isError"]
    told = paid["structuredContent"]["data"]
    assert told["voucher_code"] is not None
    settled = paid["_meta"][RESPONSE]
    assert (settled["success"], settled["payer"]) == (True, wallet.address.lower())
    assert settled["transaction"] == told["payment"]["settlement"]
    assert again["structuredContent"]["data"] == told
    assert elsewhere.status_code == 402
    assert (code_of(changed), "accepts" in changed["structuredContent"]) == (2006, False)
    assert list(facilitator.charged.values()) == [1]
    assert await delivered_cents(gateway) == 1000
    posted = facilitator.posted[-1]
    listed = extract_discovery_info(posted["paymentPayload"], posted["paymentRequirements"])
    assert listed is not None
    assert (listed.resource_url, listed.tool_name) == (f"{gateway.url}/x402/mcp", "send_topup")
    assert await findings(gateway) == []


@pytest.mark.one_database
async def test_what_is_forged_late_or_of_another_amount_moves_nothing(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    asked = await send(gateway)
    cheat, late = Wallet(), Wallet()
    cheat.changes, late.changes = {"value": "1"}, {"validBefore": "1"}
    forged = await signed(asked)
    signature = forged[X402]["payload"]["signature"]
    forged[X402]["payload"]["signature"] = signature[:-4] + "1b1b"

    refused = {
        "amount": await send(gateway, meta=await signed(asked, wallet=cheat)),
        "late": await send(gateway, meta=await signed(asked, wallet=late)),
        "forged": await send(gateway, meta=forged),
    }
    malformed = {
        "short": await send(gateway, meta={X402: {**forged[X402], "extensions": {}}}),
        "soup": await send(gateway, meta={X402: "soup"}),
        "two": await send(
            gateway, meta={**forged, **by_token({**await send(gateway, environment="staging")})}
        ),
        "credential": await send(gateway, meta={CREDENTIAL: {"challenge": {}}}),
        "list": await send(gateway, meta={CREDENTIAL: []}),
    }

    for name, result in refused.items():
        assert (name, result["isError"], code_of(result)) == (name, True, 2013)
        # The reason, and a price to pay instead.
        assert result["structuredContent"]["error"] != "pay this price"
        assert result["structuredContent"]["accepts"]
    assert {code_of(one) for one in malformed.values()} == {2007}
    assert facilitator.charged == {}
    assert await rows(gateway) == []


async def test_a_card_pays_once_and_its_challenge_is_good_for_this_call_alone(
    gateway: Gateway,
) -> None:
    asked = await send(gateway)
    meta = by_token(asked)

    changed = await send(gateway, meta=meta, amount_cents=2000)
    paid = await send(gateway, meta=meta)
    again = await send(gateway, meta=meta)
    declined = await send(gateway, meta=by_token(await send(gateway), "spt_declined_1"))
    failed = "failed@sandbox.test"
    back = by_token(await send(gateway, recipient_email=failed), "spt_9876543210")
    given_back = await send(gateway, recipient_email=failed, meta=back)

    assert (code_of(changed), changed["isError"]) == (2013, True)
    assert code_of(paid) == 1001
    receipt = paid["_meta"][RECEIPT]
    assert (receipt["status"], receipt["method"]) == ("success", "stripe")
    assert receipt["challengeId"] == meta[CREDENTIAL]["challenge"]["id"]
    assert again["structuredContent"]["data"] == paid["structuredContent"]["data"]
    assert (code_of(declined), CHALLENGES in declined["_meta"]) == (2013, True)
    assert RECEIPT not in declined["_meta"]
    assert code_of(given_back) == 3005
    assert given_back["structuredContent"]["data"]["refund"]["voucher_code"] is not None
    assert await findings(gateway) == []


async def test_mppx_pays_by_itself(gateway: Gateway) -> None:
    script, url = node.FOLDER / "paid_tool.mjs", f"{gateway.url}/x402/mcp"
    node.tool("mppx")
    done = await asyncio.to_thread(node.run_node, [script, url, json.dumps(BODY)])

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["code"], told["receipt"]["status"]) == (1001, "success")
    assert [one.protocol for one in await rows(gateway, "staging")] == ["mpp"]


@pytest.mark.one_database
async def test_a_payment_that_is_not_settled_yet_is_told_and_settles_once(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    facilitator.faults.extend(["none", "late"])
    meta = await signed(await send(gateway))

    waiting = await send(gateway, meta=meta)
    await make_due(gateway)
    await sweep(gateway)
    settled = await send(gateway, meta=meta)

    assert (code_of(waiting), waiting["_meta"][RESPONSE]["success"]) == (1002, False)
    assert code_of(settled) == 1001
    assert await delivered_cents(gateway) == 1000
    assert await findings(gateway) == []


@pytest.mark.one_database
async def test_a_key_is_told_of_the_top_up_once_its_payment_settled(
    live: tuple[Gateway, FacilitatorService],
) -> None:
    gateway, facilitator = live
    account_id = await gateway.account()
    key = await gateway.key(account_id, "live")
    facilitator.faults.extend(["none", "late"])
    meta = await signed(await send(gateway))

    waiting = await send(gateway, key=key, meta=meta, idempotency_key="a")
    unsettled = await send(gateway, key=key, idempotency_key="a")
    await make_due(gateway)
    await sweep(gateway)
    settled = await send(gateway, key=key, meta=meta, idempotency_key="a")
    unpaid = await send(gateway, key=key, idempotency_key="a")

    assert [code_of(one) for one in (waiting, unsettled, settled, unpaid)] == [
        1002,
        1002,
        1001,
        1001,
    ]
    which = settled["structuredContent"]["transaction_id"]
    assert unpaid["structuredContent"]["transaction_id"] == which
    assert await findings(gateway) == []


async def test_a_key_at_the_address_for_those_without_one_is_sent_to_its_own(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json", "Authorization": f"Bearer {key}"}
    answer = await gateway.client.post("/x402/mcp", json=asked, headers=headers)

    assert (answer.status_code, "/mcp" in answer.json()["error"]["data"]["detail"]) == (422, True)


async def test_a_send_that_credit_does_not_cover_can_be_paid_in_its_own_call(
    gateway: Gateway,
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    await _spend_all(gateway, key)

    asked = await send(gateway, key=key, idempotency_key="a")
    meta = await signed(asked)
    paid, beside = await asyncio.gather(
        send(gateway, key=key, meta=meta, idempotency_key="a"),
        send(gateway, key=key, meta=meta, idempotency_key="a"),
    )
    other = await signed(asked)
    same_key = await send(gateway, key=key, meta=other, idempotency_key="a")
    unpaid = await send(gateway, key=key, idempotency_key="a")
    reused = await send(gateway, key=key, idempotency_key="a", amount_cents=1100)
    status = await gateway.call(
        "GET", f"/topup/status/{paid['structuredContent']['transaction_id']}", key=key
    )

    assert (code_of(asked), asked["structuredContent"]["accepts"][0]["amount"]) == (
        2002,
        "10000000",
    )
    assert CHALLENGES in asked["_meta"]
    assert code_of(paid) == code_of(beside) == 1001
    which = paid["structuredContent"]["transaction_id"]
    # Neither a second payment nor the account's credit: the key's answer is that of the first.
    for one in (same_key, unpaid):
        assert (code_of(one), one["structuredContent"]["transaction_id"]) == (1001, which)
        assert one["structuredContent"]["data"]["voucher_code"] is None
    assert code_of(reused) == 2006
    assert (
        status.json()["data"]["voucher_code"] == paid["structuredContent"]["data"]["voucher_code"]
    )
    assert [one.state for one in await rows(gateway, "staging")] == ["paid"]
    assert await findings(gateway) == []


async def test_two_payments_under_one_key_at_two_processes_buy_once(
    database_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, tmp_path)
    async with running(settings) as first, running(settings) as second:
        key = await first.key(await first.account())
        shown = [await signed(await send(one)) for one in (first, second)]
        answers = await asyncio.gather(
            *(
                send(one, key=key, meta=meta, idempotency_key="a")
                for one in (first, second)
                for meta in shown
            )
        )
        paid = await rows(first, "staging")
        found = await findings(first)

    assert {code_of(one) for one in answers} == {1001}
    assert len({one["structuredContent"]["transaction_id"] for one in answers}) == 1
    assert [one.state for one in paid] == ["paid"]
    assert found == []


async def test_a_key_whose_first_process_died_gets_its_answer_from_the_same_payment(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    meta = await signed(await send(gateway))
    paid = await send(gateway, key=key, meta=meta, idempotency_key="a")
    await gateway.context.database.transaction(_forget_answers)

    busy = await send(gateway, key=key, idempotency_key="a")
    other = await send(gateway, key=key, meta=by_token(await send(gateway)), idempotency_key="a")
    again = await send(gateway, key=key, meta=meta, idempotency_key="a")
    unpaid = await send(gateway, key=key, idempotency_key="a")

    # Until the same payment comes, nothing else buys under that key.
    assert {code_of(one) for one in (busy, other)} == {4003}
    told = [one["structuredContent"] for one in (paid, again, unpaid)]
    assert {(one["code"], one["transaction_id"]) for one in told} == {
        (1001, told[0]["transaction_id"])
    }
    assert told[1]["data"]["voucher_code"] is not None
    assert told[2]["data"]["voucher_code"] is None


async def _forget_answers(tx: Transaction) -> None:
    """As a process leaves them that dies in the middle."""
    await tx.execute(
        """UPDATE idempotency_keys SET status = 0, body = :body, lease_until_at = :until,
               lease_token = (SELECT identifier FROM machine_payments)""",
        body=b"",
        until=2**62,
    )


async def test_a_send_that_was_answered_before_is_not_paid_again(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    sent = await send(gateway, key=key, idempotency_key="a")
    meta = await signed(await send(gateway))
    paid = await send(gateway, key=key, meta=meta, idempotency_key="a")

    told = [one["structuredContent"] for one in (sent, paid)]
    assert told[0] == told[1]
    assert await rows(gateway, "staging") == []


async def test_a_keys_mandate_is_judged_before_anybody_is_asked_to_pay(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, per_call_cents=900)
    named = await gateway.key(account_id, recipients=["*@acme.example"])
    meta = await signed(await send(gateway))
    await _spend_all(gateway, await gateway.key(account_id))

    for one, code in ((key, 2008), (named, 2009)):
        unpaid = await send(gateway, key=one, idempotency_key="a")
        paid = await send(gateway, key=one, meta=meta, idempotency_key="b")
        assert "accepts" not in unpaid["structuredContent"]
        assert (code_of(paid), "accepts" in paid["structuredContent"]) == (code, False)
    assert await rows(gateway, "staging") == []


async def test_what_waits_for_a_person_says_so_and_a_denial_returns_the_money(
    gateway: Gateway,
) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id, approval_threshold_cents=999)
    approver = await gateway.key(account_id, scopes=("approvals:write", "topup:read"))
    meta = by_token(await send(gateway))
    # A challenge for this tool is good with a key, too.
    held = await send(gateway, key=key, meta=meta, idempotency_key="a")
    approval = held["structuredContent"]["data"]["approval"]["id"]
    denied = await gateway.call("POST", f"/approvals/{approval}/deny", key=approver, json={})
    after = await send(gateway, key=key, meta=meta, idempotency_key="a")

    assert (code_of(held), denied.status_code) == (3006, 200)
    assert "has to approve" in held["content"][0]["text"]
    assert code_of(after) == 3005
    assert after["structuredContent"]["data"]["refund"]["voucher_code"] is not None
    assert await findings(gateway) == []


async def test_a_paid_send_that_becomes_a_task_has_its_receipt(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account(), approval_threshold_cents=999)
    meta = by_token(await send(gateway))
    tasks: dict[str, Any] = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
    call = {"name": "send_topup", "arguments": {**BODY, "idempotency_key": "a"}}
    answer = await EventsClient(gateway, key).request(
        "tools/call", call, **{"io.modelcontextprotocol/clientCapabilities": tasks, **meta}
    )
    task = answer["result"]

    assert (task["resultType"], task["status"]) == ("task", "working")
    assert task["_meta"][RECEIPT]["status"] == "success"
    assert len(await rows(gateway, "staging")) == 1


async def _spend_all(gateway: Gateway, key: str) -> None:
    for _ in range(10):
        spent = await gateway.call(
            "POST", "/topup/send", key=key, json={**BODY, "amount_cents": 100_000}
        )
        assert spent.json()["code"] == 1001
