"""A delivered top-up that nobody used comes back by one call, and a key without the scope cannot."""

import pytest

from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}


async def test_reverse_gives_back_once_and_says_why_not(gateway: Gateway) -> None:
    account = await gateway.account()
    key = await gateway.key(account, scopes=["topup:send", "topup:read", "topup:reverse"])
    weak = await gateway.key(account, scopes=["topup:send"])
    sent = (await gateway.call("POST", "/topup/send", key=key, json=SEND)).json()
    path = f"/topup/{sent['transaction_id']}/reverse"
    why = {"reason": "wrong person"}

    refused = await gateway.call("POST", path, key=weak, json=why)
    done = [(await gateway.call("POST", path, key=key, json=why)).json() for _ in range(2)]
    code = {"code": sent["data"]["voucher_code"]}
    late = await gateway.call("POST", "/vouchers/redeem", key=key, json=code)
    status = await gateway.call("GET", f"/topup/status/{sent['transaction_id']}", key=key)
    used = (await gateway.call("POST", "/topup/send", key=key, json=SEND)).json()
    code = {"code": used["data"]["voucher_code"]}
    await gateway.call("POST", "/vouchers/redeem", key=key, json=code)
    kept = await gateway.call("POST", f"/topup/{used['transaction_id']}/reverse", key=key, json=why)

    assert (refused.status_code, refused.json()["code"]) == (403, 2009)
    assert {(one["code"], one["status"]) for one in done} == {(3007, "reversed")}
    assert done[0]["data"]["wallet_balance_cents"] == 1_000_000
    assert late.json()["data"]["error"]["reason"] == "reversed"
    assert (status.json()["code"], status.json()["data"]["voucher_code"]) == (3007, None)
    assert [one["type"] for one in status.json()["data"]["events"]] == [
        "topup.delivered",
        "topup.reversed",
    ]
    assert (kept.status_code, kept.json()["code"]) == (409, 3008)
    assert kept.json()["data"]["error"]["reason"] == "redeemed"
