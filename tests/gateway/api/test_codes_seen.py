"""Who sees the codes of top-ups, and who redeems them: the sender and its ancestors, not its kin."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.support.gateway import API, Gateway
from tests.support.gateway_worker import delivering
from tests.support.receiver import Receiver

SEND = {"platform": "claude", "amount_cents": 500, "recipient_email": "user@example.com"}
READS = ["topup:read", "webhooks:read"]


@dataclass(frozen=True, slots=True)
class Family:
    """Keys of one account by their secrets; `sender` has sent a voucher of $5.00."""

    gateway: Gateway
    sender: str
    keys: dict[str, str]
    code: str
    topup_id: str

    async def told(self, reader: str) -> dict[str, Any]:
        """What each door says the code is, to that reader."""
        key = self.keys[reader]
        story = await self.data("GET", f"/topup/status/{self.topup_id}", key)
        listed = await self.data("GET", "/topup/history", key)
        events = await self.data("GET", "/events", key)
        [delivered] = [one for one in events["items"] if one["type"] == "topup.delivered"]
        shown = await self.data("GET", f"/events/{delivered['id']}", key)
        return {
            "status": story["voucher_code"],
            "history": listed["items"][0]["voucher_code"],
            "events": delivered["data"]["voucher_code"],
            "event": shown["data"]["voucher_code"],
            "stream": (await self.streamed(key))["data"]["voucher_code"],
            "hints": {
                story["voucher_code_hint"],
                listed["items"][0]["voucher_code_hint"],
                delivered["data"]["voucher_code_hint"],
            },
        }

    async def data(self, method: str, path: str, key: str, **more: Any) -> dict[str, Any]:
        answer = await self.gateway.call(method, path, key=key, **more)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])

    async def streamed(self, key: str) -> dict[str, Any]:
        """The top-up's event, of a stream from the beginning."""
        headers = {"Authorization": f"Bearer {key}"}
        path = f"{API}/events/stream?after=0"
        async with self.gateway.client.stream("GET", path, headers=headers) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    event = dict(json.loads(line.removeprefix("data: ")))
                    if event["type"] == "topup.delivered":
                        return event
        raise AssertionError("the stream ended without an event")


async def child_of(gateway: Gateway, key: str, *scopes: str) -> str:
    minted = await gateway.call("POST", "/keys", key=key, json={"name": "c", "scopes": scopes})
    assert minted.status_code == 201, minted.text
    return str(minted.json()["data"]["key"])


@pytest_asyncio.fixture
async def family(gateway: Gateway) -> Family:
    account_id = await gateway.account(email="me@example.com")
    # Without vouchers:read: an ancestor sees by its lineage alone.
    root = await gateway.key(account_id, scopes=["topup:send", "keys:write", *READS])
    sender = await child_of(gateway, root, "topup:send", "keys:write", *READS)
    reader = await gateway.key(account_id, scopes=[*READS, "vouchers:read"])
    other = await gateway.key(account_id, scopes=["topup:send", *READS])
    sent = await gateway.call("POST", "/topup/send", key=sender, json=SEND)
    keys = {
        "sender": sender,
        "ancestor": root,
        "child": await child_of(gateway, sender, "topup:send", *READS),
        "sibling": await child_of(gateway, root, "topup:send", *READS),
        "unrelated": other,
        "vouchers:read": reader,
        "token": await gateway.system_token(account_id),
    }
    data = sent.json()
    return Family(gateway, sender, keys, data["data"]["voucher_code"], data["transaction_id"])


@pytest.mark.parametrize("reader", ["sender", "ancestor", "vouchers:read", "token"])
async def test_the_sender_its_ancestors_and_who_has_the_right_see_the_code(
    family: Family, reader: str
) -> None:
    told = await family.told(reader)

    assert told.pop("hints") == {family.code[-4:]}
    assert told == dict.fromkeys(told, family.code)


@pytest.mark.parametrize("reader", ["child", "sibling", "unrelated"])
async def test_descendants_siblings_and_strangers_to_the_lineage_see_a_hint_alone(
    family: Family, reader: str
) -> None:
    told = await family.told(reader)

    assert told.pop("hints") == {family.code[-4:]}
    assert told == dict.fromkeys(told)


async def redeemed(family: Family, key: str, path: str = "/vouchers/redeem") -> tuple[int, int]:
    """The HTTP status and the code of the answer."""
    answer = await family.gateway.call("POST", path, key=key, json={"code": family.code})
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("path", ["/vouchers/redeem", "/codes/redeem"])
@pytest.mark.parametrize("redeemer", ["child", "sibling", "unrelated"])
async def test_what_another_lineage_sent_takes_the_right_to_redeem(
    family: Family, redeemer: str, path: str
) -> None:
    key = family.keys[redeemer]
    if path == "/codes/redeem":
        account_id = await account_of(family)
        key = await family.gateway.key(account_id, scopes=["billing:write"])

    refused = await redeemed(family, key, path)

    assert refused == (403, 2009)
    assert await redeemed(family, family.keys["token"], path) == (200, 1000)


async def test_a_default_key_redeems_what_it_sent(gateway: Gateway) -> None:
    account_id = await gateway.account()
    root = await gateway.key(account_id)
    minted = await gateway.call("POST", "/keys", key=root, json={"name": "default"})
    key = minted.json()["data"]["key"]
    sent = await gateway.call("POST", "/topup/send", key=key, json=SEND)

    answer = await gateway.call(
        "POST", "/vouchers/redeem", key=key, json={"code": sent.json()["data"]["voucher_code"]}
    )

    assert minted.json()["data"]["scopes"] == ["topup:send", "topup:read"]
    assert answer.json()["data"]["balance_cents"] == 1_000_000


async def test_whoever_holds_a_code_redeems_it_into_his_own_account(family: Family) -> None:
    gateway = family.gateway
    recipient = await gateway.key(await gateway.account(), scopes=["topup:send"])

    assert await redeemed(family, recipient) == (200, 1000)


async def account_of(family: Family) -> str:
    """The account that the keys belong to."""
    gateway = family.gateway
    found = await gateway.context.authenticator.authenticate(family.sender)
    return found.account_id


async def registered(gateway: Gateway, key: str, url: str, **fields: Any) -> tuple[int, str]:
    """The HTTP status, and the new endpoint's id or nothing."""
    body = {"url": url, "retry_schedule_s": [0], **fields}
    answer = await gateway.call("POST", "/webhooks/register", key=key, json=body)
    return answer.status_code, answer.json()["data"].get("id", "")


async def test_bodies_carry_codes_where_the_endpoint_says_so_and_for_later_events_only(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    async with Receiver() as told, Receiver() as plain:
        _, told_id = await registered(gateway, key, told.url, include_codes=True)
        await registered(gateway, key, plain.url)
        sent = await gateway.call("POST", "/topup/send", key=key, json=SEND)
        code = sent.json()["data"]["voucher_code"]
        off = {"include_codes": False}
        await gateway.call("PATCH", f"/webhooks/{told_id}", key=key, json=off)
        async with delivering(gateway):
            [first], [other] = await told.at_least(1), await plain.at_least(1)
            [delivery] = (
                await gateway.call("GET", f"/deliveries?endpoint_id={told_id}", key=key)
            ).json()["data"]["items"]
            await gateway.call("POST", f"/deliveries/{delivery['id']}/replay", key=key)
            again = (await told.at_least(2))[1]
            await gateway.call("POST", "/topup/send", key=key, json=SEND)
            later = (await told.at_least(3))[2]

    assert (first.event["data"]["voucher_code"], other.event["data"]["voucher_code"]) == (
        code,
        None,
    )
    assert other.event["data"]["voucher_code_hint"] == code[-4:]
    assert again.body == first.body
    assert first.body.replace(f'"{code}"'.encode(), b"null") == other.body
    assert later.event["data"]["voucher_code"] is None


async def test_codes_are_sent_only_where_somebody_who_sees_them_said(gateway: Gateway) -> None:
    account_id = await gateway.account()
    writer = await gateway.key(account_id, scopes=["webhooks:read", "webhooks:write"])
    reader = await gateway.key(account_id)
    async with Receiver() as receiver:
        refused, _ = await registered(gateway, writer, receiver.url, include_codes=True)
        _, endpoint_id = await registered(gateway, reader, receiver.url, include_codes=True)
        _, plain_id = await registered(gateway, writer, receiver.url)
        elsewhere = {"url": f"{receiver.url}/elsewhere"}
        statuses = []
        for key, one, change in (
            (writer, plain_id, {"include_codes": True}),
            (writer, plain_id, elsewhere),
            (writer, endpoint_id, elsewhere),
            (writer, endpoint_id, {"include_codes": False}),
            # What was published with codes may still be sent, or sent again.
            (writer, endpoint_id, elsewhere),
            (writer, endpoint_id, {"url": receiver.url, "description": "the same place"}),
            (reader, endpoint_id, elsewhere),
        ):
            answer = await gateway.call("PATCH", f"/webhooks/{one}", key=key, json=change)
            statuses.append(answer.status_code)

    assert refused == 403
    assert statuses == [403, 200, 403, 200, 403, 200, 200]


async def test_a_sample_is_with_a_code_where_deliveries_are(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    async with Receiver() as receiver:
        for has_codes in (True, False):
            _, one = await registered(gateway, key, receiver.url, include_codes=has_codes)
            ask = {"event": "topup.delivered"}
            await gateway.call("POST", f"/webhooks/{one}/test", key=key, json=ask)

    told = [received.event["data"]["voucher_code"] for received in receiver.received]
    assert told == ["ATU-TEST-TEST-TEST-TEST-TEST", None]


async def test_an_approver_who_does_not_see_codes_is_not_told_one(gateway: Gateway) -> None:
    account_id = await gateway.account()
    sender = await gateway.key(account_id, scopes=["topup:send", "topup:read"])
    approver = await gateway.key(account_id, scopes=["approvals:write"])
    order = {**SEND, "recipient_email": "approval@sandbox.test"}
    held = (await gateway.call("POST", "/topup/send", key=sender, json=order)).json()
    path = f"/approvals/{held['data']['approval']['id']}/approve"
    idempotency = {"Idempotency-Key": "decide-1"}

    first = await gateway.call("POST", path, key=approver, headers=idempotency)
    again = await gateway.call("POST", path, key=approver, headers=idempotency)
    mine = await gateway.call("GET", f"/topup/status/{held['transaction_id']}", key=sender)

    assert first.json()["code"] == 1001
    assert first.json()["data"]["voucher_code"] is None
    assert again.content == first.content
    assert mine.json()["data"]["voucher_code"][-4:] == first.json()["data"]["voucher_code_hint"]
