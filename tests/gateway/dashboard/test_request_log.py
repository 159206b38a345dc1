"""The request log: why a call was refused, found by its id, as curl, and without what can be spent."""

import re

import pytest

from store.database import Row, Transaction
from tests.support.browser import browser_account, signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.mcp_agent import agent, code_of

CODE = "ATU-7K2M-9QXW-4RTZ-AAAA"
SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "bob@example.com"}


async def test_a_refused_call_is_found_with_why_and_as_curl(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await browser_account(browser), name="checkout")
    sent = await gateway.call("POST", "/topup/send", key=key, json=SEND)
    refused = await gateway.call(
        "POST",
        "/topup/send",
        key=key,
        json={**SEND, "amount_cents": 1, "note": f"{key} and {CODE}"},
        headers={"Idempotency-Key": "order-7", "X-Request-Id": "req_mine"},
    )
    redeemed = await gateway.call(
        "POST", "/vouchers/redeem", key=key, json={"code": "7K2M9QXW4RTZ"}
    )
    made = await gateway.call("POST", "/keys", key=key, json={"name": "agent"})
    await gateway.context.request_log.flush()

    listed = (await browser.get("/dashboard/requests")).text
    rows = text_of(listed[listed.index("<tbody>") : listed.index("</tbody>")])
    by_code = (await browser.get(f"/dashboard/requests?code={refused.json()['code']}")).text
    found = await browser.get("/dashboard/requests?request_id=req_mine")
    one = await browser.get(f"/dashboard/requests/{row_id(found.text)}")
    searched = (await browser.get(f"/dashboard/search?q={redeemed.headers['x-request-id']}")).text

    # What went well is there where it changed a setting, and never with its answer.
    assert sent.headers["x-request-id"] not in listed
    assert made.status_code == 201
    assert [word in rows for word in ("/keys", "/vouchers/redeem", "/topup/send")] == [True] * 3
    assert "req_mine" in by_code
    shown = text_of(one.text)
    assert refused.status_code == 422
    assert f"HTTP 422, code {refused.json()['code']}" in shown
    assert refused.json()["data"]["error"]["detail"] in shown
    assert "curl -X POST " in shown
    assert '-H "Authorization: Bearer $TOPUP_API_KEY"' in shown
    assert "-H 'Idempotency-Key: order-7'" in shown
    assert '"amount_cents":1' in shown
    assert "checkout" in shown
    assert "/dashboard/requests/rql_" in searched
    for page in (one.text, listed, await kept(gateway)):
        for secret in (key, CODE, "7K2M9QXW4RTZ", made.json()["data"]["key"]):
            assert secret not in page


async def test_another_account_sees_none_of_it_and_nonsense_is_told(gateway: Gateway) -> None:
    ann, eve = await signed_in(gateway), await signed_in(gateway, "eve@example.com")
    key = await gateway.key(await browser_account(ann))
    await gateway.call("POST", "/topup/send", key=key, json={})
    await gateway.call("POST", "/topup/send", key="ak_staging_0000000000000000", json={})
    await gateway.context.request_log.flush()
    own = row_id((await ann.get("/dashboard/requests")).text)

    assert (await eve.get(f"/dashboard/requests/{own}")).status_code == 404
    assert "Nothing was refused" in (await eve.get("/dashboard/requests")).text
    (row,) = (await ann.get("/dashboard/requests?format=csv")).text.splitlines()[1:]
    assert row.startswith(f"{own},")
    assert len((await eve.get("/dashboard/requests?format=csv")).text.splitlines()) == 1
    for query in (
        "code=abc",
        "code=99999",
        "outcome=never",
        "request_id=" + "x" * 129,
        "cursor=%00",
    ):
        answer = await ann.get(f"/dashboard/requests?{query}")
        assert answer.status_code in {200, 422}, query
        assert "/dashboard/requests/rql_" not in answer.text, query
    nothing = (await ann.get("/dashboard/requests?outcome=failed")).text
    assert "Nothing matches these filters" in nothing


@pytest.mark.one_database
async def test_a_tool_that_was_refused_is_kept_as_its_message(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await browser_account(browser))
    async with agent(gateway, key) as client:
        refused = await client.send(platform="cluade")
        voucher = await client.use("redeem_code", {"code": CODE, "idempotency_key": "k"})
    await gateway.context.request_log.flush()

    assert (code_of(refused), code_of(voucher)) == (2003, 2011)
    listed = (await browser.get("/dashboard/requests?code=2003")).text
    assert "POST /mcp#send_topup" in text_of(listed)
    shown = text_of((await browser.get(f"/dashboard/requests/{row_id(listed)}")).text)
    assert "a tool's result that corresponds to HTTP 422, code 2003" in shown
    assert '"cluade"' in shown
    assert "-H 'Accept: application/json, text/event-stream'" in shown
    assert CODE not in await kept(gateway)


async def kept(gateway: Gateway) -> str:
    """All that the table holds."""

    async def work(tx: Transaction) -> list[Row]:
        return list(await tx.fetch("SELECT * FROM request_log"))

    return "\n".join(str([*row]) for row in await gateway.context.database.read(work))


def row_id(page: str) -> str:
    found = re.search(r"/dashboard/requests/(rql_\w{16})", page)
    assert found is not None, page
    return found[1]
