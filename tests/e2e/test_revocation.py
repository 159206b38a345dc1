"""A revoked key is refused by every process within a second."""

import asyncio

from tests.e2e.conftest import Install
from tests.support.installation import API
from tests.support.senders import client, order


async def test_a_revoked_key_stops_within_a_second_in_a_second_gateway(install: Install) -> None:
    installation = install()
    installation.start(gateways=2, workers=0)
    one, other = [gateway.url + API for gateway in installation.gateways]
    account_id = await installation.account()
    owner = await installation.key(account_id)
    async with client(owner) as http:
        minted = (await http.post(f"{one}/keys", json={"name": "child"})).json()["data"]
        child = {"Authorization": f"Bearer {minted['key']}"}
        used = [await http.get(f"{url}/topup/balance", headers=child) for url in (one, other)]
        revoked = await http.delete(f"{one}/keys/{minted['id']}")
        # A send reads its key's state in its own transaction, so it has no second of grace.
        sent = await http.post(f"{other}/topup/send", json=order(1000), headers=child)
        await asyncio.sleep(1)
        after = [await http.get(f"{url}/topup/balance", headers=child) for url in (one, other)]
        balance = await http.get(f"{other}/topup/balance")

    assert [answer.status_code for answer in used] == [200, 200]
    assert revoked.status_code == 200
    assert (sent.status_code, sent.json()["code"]) == (401, 2010)
    assert [(answer.status_code, answer.json()["code"]) for answer in after] == [(401, 2010)] * 2
    assert balance.json()["data"]["balance_cents"] == 1_000_000
