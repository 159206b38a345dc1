"""Whose key it was stands on the top-up, its transfers, its events, its deliveries and the statement."""

import csv
from typing import Any

from tests.support.gateway import Gateway

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}


async def data_of(gateway: Gateway, key: str, path: str) -> Any:
    answer = await gateway.call("GET", path, key=key)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def a_child(gateway: Gateway, key: str, name: str) -> tuple[str, str]:
    """The id and the secret of a key made by that one."""
    body = {"name": name, "scopes": ["topup:send", "usage:write"]}
    made = (await gateway.call("POST", "/keys", key=key, json=body)).json()["data"]
    return made["id"], made["key"]


async def test_each_account_of_a_top_up_names_the_key_that_sent_it(gateway: Gateway) -> None:
    owner = await gateway.key(await gateway.account(), name="Owner")
    child_id, child = await a_child(gateway, owner, "Shop agent")
    hook = {"url": "http://127.0.0.1:7999/hook", "events": ["topup.delivered"]}
    await gateway.call("POST", "/webhooks/register", key=owner, json=hook)
    sent = (await gateway.call("POST", "/topup/send", key=child, json=SEND)).json()
    await gateway.call("POST", "/topup/send", key=owner, json=SEND)
    await gateway.call("PATCH", f"/keys/{child_id}", key=owner, json={"name": "Other"})

    by_child = (child_id, "Shop agent")
    listed = (await data_of(gateway, owner, f"/topup/history?key_id={child_id}"))["items"]
    story = await data_of(gateway, owner, f"/topup/status/{sent['transaction_id']}")
    events = (await data_of(gateway, owner, "/events?type=topup.delivered"))["items"]
    deliveries = (await data_of(gateway, owner, "/deliveries"))["items"]
    one = await data_of(gateway, owner, f"/deliveries/{deliveries[-1]['id']}")

    assert [(item["key_id"], item["key_name"]) for item in listed] == [by_child]
    assert [(one["key_id"], one["key_name"]) for one in story["transfers"]] == [by_child]
    assert [event["data"]["key_name"] for event in events] == ["Owner", "Shop agent"]
    assert events[1]["data"]["key_id"] == child_id
    assert [item["key_name"] for item in deliveries] == ["Owner", "Shop agent"]
    assert (one["key_id"], one["key_name"]) == by_child


async def test_a_statement_names_the_key_of_top_ups_usage_and_holds(gateway: Gateway) -> None:
    owner = await gateway.key(await gateway.account(), name="Owner")
    child_id, child = await a_child(gateway, owner, "Agent")
    await gateway.call("POST", "/topup/send", key=child, json=SEND)
    usage = {"amount_micros": 5_000, "description": "tokens", "reference": "u1"}
    charged = await gateway.call("POST", "/usage", key=child, json=usage)
    hold = {"amount_micros": 9_000, "description": "a job"}
    held = await gateway.call("POST", "/holds", key=child, json=hold)

    lines = (await data_of(gateway, owner, "/topup/statement"))["transfers"]
    exported = (await gateway.call("GET", "/topup/statement?format=csv", key=owner)).text

    assert (charged.status_code, held.status_code) == (200, 201)
    assert [(line["code"], line["key_id"], line["key_name"]) for line in lines] == [
        ("test_credit", None, None),
        ("topup_send", child_id, "Agent"),
        ("ai_usage", child_id, "Agent"),
        ("usage_hold", child_id, "Agent"),
    ]
    rows = list(csv.DictReader(exported.splitlines()))
    topup_id = (await data_of(gateway, owner, "/topup/history"))["items"][0]["transaction_id"]
    hold_id = held.json()["data"]["id"]
    assert [
        (row["code"], row["key_name"], row["transaction_id"], row["subject_id"])
        for row in rows
        if row["key_id"] == child_id and row["code"] != "ai_usage"
    ] == [("topup_send", "Agent", topup_id, ""), ("usage_hold", "Agent", "", hold_id)]
    assert [row["key_name"] for row in rows if row["code"] == "ai_usage"] == ["Agent"]
