"""What validate quotes is what a send with the quote is charged, or it is refused."""

from typing import Any

import pytest

from billing.fulfilment.fee_acts import SET_FEE
from kernel.clock import FixedClock
from store.database import Transaction
from tests.support.gateway import Gateway
from tests.support.operator_acts import act_in

pytestmark = [pytest.mark.one_database, pytest.mark.fixed_clock]
SEND: dict[str, Any] = {
    "platform": "claude",
    "amount_cents": 1000,
    "recipient_email": "user@example.com",
}


async def set_fee(gateway: Gateway, fixed_cents: int, account_id: str = "") -> None:
    async def work(tx: Transaction) -> None:
        await act_in(tx, SET_FEE, "claude", account=account_id, fixed_cents=fixed_cents)

    await gateway.context.database.transaction(work)
    await gateway.context.suppliers.refresh()


async def quote_of(gateway: Gateway, key: str, **changed: Any) -> dict[str, Any]:
    answer = await gateway.call("POST", "/topup/validate", key=key, json={**SEND, **changed})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


async def test_a_quoted_send_is_charged_what_was_quoted_though_the_price_moved(
    gateway: Gateway, clock: FixedClock
) -> None:
    key = await gateway.key(await gateway.account())
    await set_fee(gateway, 55)
    quote = await quote_of(gateway, key)
    await set_fee(gateway, 99)
    clock.advance_s(599)
    body = {**SEND, "quote_id": quote["quote_id"]}
    once = {"Idempotency-Key": "order-1"}

    quoted = await gateway.call("POST", "/topup/send", key=key, json=body, headers=once)
    plain = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    clock.advance_s(1)
    replayed = await gateway.call("POST", "/topup/send", key=key, json=body, headers=once)
    late = await gateway.call("POST", "/topup/send", key=key, json=body)

    assert (quote["fee_cents"], quote["charged_cents"]) == (55, 1055)
    assert quote["wallet_balance_after_cents"] == 998_945
    charged = [one.json()["data"]["charged_cents"] for one in (quoted, plain, replayed)]
    assert charged == [1055, 1099, 1055]
    assert plain.json()["data"]["wallet_balance_cents"] == 997_846
    error = late.json()["data"]["error"]
    assert (late.status_code, late.json()["code"]) == (422, 2007)
    assert (error["param"], error["reason"]) == ("quote_id", "quote_expired")
    topup_id = quoted.json()["transaction_id"]
    story = (await gateway.call("GET", f"/topup/status/{topup_id}", key=key)).json()["data"]
    assert (story["fee_cents"], story["charged_cents"]) == (55, 1055)
    assert [one["code"] for one in story["transfers"]] == ["topup_send", "topup_fee"]


async def test_a_quote_is_good_for_its_own_send_alone(gateway: Gateway) -> None:
    account = await gateway.account()
    key, other = await gateway.key(account), await gateway.key(account)
    stranger = await gateway.key(await gateway.account())
    await set_fee(gateway, 55)
    quoted = (await quote_of(gateway, key))["quote_id"]
    mark, ends_at, _, proof = quoted.split("_")
    tries: list[tuple[str, dict[str, Any]]] = [
        (other, {}),
        (stranger, {}),
        (key, {"amount_cents": 1001}),
        (key, {"platform": "gemini"}),
        (key, {"recipient_email": "other@example.com"}),
        (key, {"quote_id": f"{mark}_{ends_at}_0_{proof}"}),
        (key, {"quote_id": f"{mark}_{int(ends_at) + 1}_55_{proof}"}),
        (key, {"quote_id": f"{mark}_{ends_at}_055_{proof}"}),
        (key, {"quote_id": f"{mark}_{ends_at}_55_{proof.upper()}"}),
        (key, {"quote_id": f"{quoted}\n"}),
        (key, {"quote_id": "٣" * 20}),
    ]

    refused = [
        await gateway.call(
            "POST", "/topup/send", key=one, json={**SEND, "quote_id": quoted, **more}
        )
        for one, more in tries
    ]
    again = await gateway.call(
        "POST", "/topup/validate", key=key, json={**SEND, "quote_id": quoted}
    )

    assert {one.json()["code"] for one in refused} == {2007}
    assert {one.json()["data"]["error"]["reason"] for one in refused} == {"quote_mismatch"}
    # A quote cannot be made longer by a quote.
    assert (again.status_code, again.json()["code"]) == (422, 2007)


async def test_an_accounts_own_fee_is_its_own(gateway: Gateway) -> None:
    own, other = await gateway.account(), await gateway.account()
    await set_fee(gateway, 55)
    await set_fee(gateway, 10, own)

    quotes = [await quote_of(gateway, await gateway.key(one)) for one in (own, other)]

    assert [one["charged_cents"] for one in quotes] == [1010, 1055]


async def test_a_bulk_send_says_and_takes_the_fees_and_an_item_keeps_its_quote(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    await set_fee(gateway, 55)
    quoted = (await quote_of(gateway, key))["quote_id"]
    await set_fee(gateway, 99)
    items = [
        {**SEND, "reference": "a", "quote_id": quoted},
        {**SEND, "reference": "b"},
        # A quote is a price and no ticket: it is good for each such send while it lasts.
        {**SEND, "reference": "c", "quote_id": quoted, "send_at": "2026-06-14T12:00:00Z"},
        {**SEND, "reference": "d", "quote_id": quoted, "amount_cents": 1001},
    ]

    dry = await gateway.call("POST", "/topup/bulk?dry_run=true", key=key, json={"items": items})
    sent = await gateway.call("POST", "/topup/bulk", key=key, json={"items": items})
    await set_fee(gateway, 1)
    story = await gateway.call("GET", f"/batches/{sent.json()['data']['id']}", key=key)
    balance = await gateway.call("GET", "/topup/balance", key=key)

    says = dry.json()["data"]
    assert (says["accepted_cents"], says["fee_cents"], says["charged_cents"]) == (3000, 209, 3209)
    assert says["wallet_balance_after_cents"] == 996_791
    assert [one["error"]["reason"] for one in says["errors"]] == ["quote_mismatch"]
    data = story.json()["data"]
    assert (data["counts"]["accepted_cents"], data["counts"]["fee_cents"]) == (3000, 209)
    assert [one["fee_cents"] for one in data["items"]["items"]] == [55, 99, 55, None]
    found = balance.json()["data"]
    assert (found["balance_cents"], found["held_cents"]) == (996_791, 1055)
