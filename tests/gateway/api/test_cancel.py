"""Who takes back what is not delivered yet: the key that sent it and those above it; others with topup:reverse."""

from typing import Any

import pytest

from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "pending@sandbox.test"}


async def child_of(gateway: Gateway, key: str, *scopes: str) -> str:
    body = {"name": "child", "scopes": ["topup:send", "topup:read", *scopes]}
    made = await gateway.call("POST", "/keys", key=key, json=body)
    child: str = made.json()["data"]["key"]
    return child


async def sent(gateway: Gateway, key: str) -> tuple[str, dict[str, Any]]:
    """How it is taken back: a path and a body, of a send that waits."""
    answer = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    return "/topup/cancel", {"transaction_id": answer.json()["transaction_id"]}


async def sent_in_bulk(gateway: Gateway, key: str) -> tuple[str, dict[str, Any]]:
    items = [SEND | {"reference": f"of {key[-6:]}"}]
    answer = await gateway.call("POST", "/topup/bulk", key=key, json={"items": items})
    return f"/batches/{answer.json()['data']['id']}/cancel", {}


@pytest.mark.parametrize("send", [sent, sent_in_bulk])
async def test_a_key_takes_back_what_its_own_lineage_sent(gateway: Gateway, send: Any) -> None:
    account = await gateway.account()
    parent = await gateway.key(account, scopes=["topup:send", "topup:read", "keys:write"])
    one, other = [await child_of(gateway, parent) for _ in range(2)]
    unrelated = await gateway.key(account, scopes=["topup:send"])
    reverser = await gateway.key(account, scopes=["topup:send", "topup:reverse"])
    of_one, of_parent, of_other = [await send(gateway, key) for key in (one, parent, other)]

    async def taken_back(key: str, what: tuple[str, dict[str, Any]]) -> tuple[int, Any]:
        path, body = what
        answer = await gateway.call("POST", path, key=key, json=body)
        error = (answer.json()["data"] or {}).get("error", {})
        return answer.status_code, error.get("required_scopes")

    assert await taken_back(other, of_one) == (403, ["topup:reverse"])
    assert await taken_back(unrelated, of_one) == (403, ["topup:reverse"])
    assert await taken_back(one, of_parent) == (403, ["topup:reverse"])
    stranger = await gateway.key(await gateway.account(email="else@example.com"))
    assert await taken_back(stranger, of_one) == (404, None)
    assert await taken_back(one, of_one) == (200, None)
    assert await taken_back(parent, of_other) == (200, None)
    assert await taken_back(reverser, of_parent) == (200, None)
