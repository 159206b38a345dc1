"""A preset fills what nobody would choose otherwise, and asks for what only the key's maker can know."""

from typing import Any

import pytest

from tests.support.gateway import Gateway

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
DAY = {"per_day_cents": 5_000, "approval_above_per_day_cents": 2_000}


async def made(gateway: Gateway, **body: Any) -> Any:
    key = await gateway.key(await gateway.account())
    return await gateway.call("POST", "/keys", key=key, json=body)


async def test_an_agents_key_refuses_the_same_send_and_asks_above_its_day(gateway: Gateway) -> None:
    agent = (await made(gateway, preset="agent", **DAY)).json()["data"]

    sent = [
        await gateway.call("POST", "/topup/send", key=agent["key"], json=SEND | more)
        for more in ({}, {}, {"distinct": True}, {"distinct": True})
    ]

    assert agent["repeat_guard_s"] == 600
    # $10.00, the same again, $20.00 of the day, and what is above.
    assert [one.json()["code"] for one in sent] == [1001, 2006, 1001, 3006]


@pytest.mark.parametrize(
    "said", [{}, {"per_day_cents": 5_000}, {"approval_above_per_day_cents": 1}]
)
async def test_it_names_what_is_missing_with_a_value_to_take(
    gateway: Gateway, said: dict[str, Any]
) -> None:
    refused = await made(gateway, preset="agent", **said)

    error = refused.json()["data"]["error"]
    missing = [name for name in DAY if name not in said]
    assert (refused.status_code, refused.json()["code"]) == (422, 2007)
    assert [(one["param"], one["example"]) for one in error["errors"]] == [
        (name, DAY[name]) for name in missing
    ]
    repaired = {one["param"]: one["example"] for one in error["errors"]}
    assert (await made(gateway, preset="agent", **said, **repaired)).status_code == 201


async def test_what_is_said_wins_and_no_preset_changes_nothing(gateway: Gateway) -> None:
    said = await made(
        gateway,
        preset="agent",
        repeat_guard_s=5,
        caps={"per_day_cents": 1},
        approval_above_per_day_cents=2,
    )
    plain = await made(gateway)
    unknown = await made(gateway, preset="robot")
    sandbox = (await gateway.call("POST", "/keys/sandbox")).json()["data"]["key"]

    assert said.json()["data"]["repeat_guard_s"] == 5
    assert plain.json()["data"]["repeat_guard_s"] is None
    assert (unknown.status_code, unknown.json()["data"]["error"]["param"]) == (422, "preset")
    # A tutorial's line can be run twice.
    again = [await gateway.call("POST", "/topup/send", key=sandbox, json=SEND) for _ in range(2)]
    assert [one.json()["code"] for one in again] == [1001, 1001]


@pytest.mark.parametrize(
    ("preset", "scopes"),
    [
        ("reader", ["topup:read", "webhooks:read", "billing:read", "usage:read"]),
        ("checkout", ["webhooks:read", "billing:read", "billing:write"]),
    ],
)
async def test_a_preset_without_limits_is_its_scopes_unless_others_are_said(
    gateway: Gateway, preset: str, scopes: list[str]
) -> None:
    key = (await made(gateway, preset=preset)).json()["data"]
    said = (await made(gateway, preset=preset, scopes=["topup:read"])).json()["data"]
    sent = await gateway.call("POST", "/topup/send", key=key["key"], json=SEND)

    assert (key["scopes"], said["scopes"]) == (scopes, ["topup:read"])
    assert sent.json()["code"] == 2009
