"""An operator's page of prices, and what a merchant sees of them and of what was used."""

import pytest

from tests.support.browser import signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import ADMIN, account_of, operator, switch

HERE = f"{ADMIN}/prices"
ONE = {"model": "gpt-4o", "input": "2.50", "output": "10", "cached": "1.25"}


@pytest.mark.one_database
async def test_prices_are_set_by_a_form_and_a_file_and_withdrawn(gateway: Gateway) -> None:
    browser = await operator(gateway)

    one = await browser.send(HERE, ONE)
    wrong = await browser.send(HERE, {**ONE, "input": "cheap"})
    many = await browser.send(
        f"{HERE}/import", {"file": "model,input,output\r\ngpt-*,5,15\r\n", "whole": "yes"}
    )
    seen = text_of((await browser.get(HERE)).text)
    gone = await browser.send(f"{HERE}/withdraw?model=gpt-%2A", {})
    unknown = await browser.send(f"{HERE}/withdraw?model=none", {})
    after = text_of((await browser.get(HERE)).text)
    changes = text_of((await browser.get(f"{HERE}/history")).text)

    assert [one.status_code, many.status_code, gone.status_code] == [303, 303, 303]
    assert wrong.status_code == 422
    assert "an amount in dollars, such as 2.50" in text_of(wrong.text)
    assert unknown.status_code == 404
    assert "gpt-* $5.00 $5.00 $15.00 2" in seen
    assert "No prices in staging" in after
    assert "3 gpt-* — — —" in changes


@pytest.mark.one_database
async def test_a_merchant_may_not_set_a_price(gateway: Gateway) -> None:
    browser = await signed_in(gateway, "me@example.com")

    assert (await browser.send(HERE, ONE)).status_code == 403


@pytest.mark.one_database
async def test_what_was_used_is_shown_with_its_sums_and_the_way_to_the_file(
    gateway: Gateway,
) -> None:
    boss = await operator(gateway)
    account_id = await account_of(boss)
    await boss.send(HERE, ONE)
    await switch(boss, "staging")
    key = await gateway.key(account_id)
    call = {"model": "gpt-4o", "input_tokens": 1200, "output_tokens": 300, "cached_tokens": 800}
    used = await gateway.call("POST", "/usage", key=key, json=call)
    assert used.status_code == 200, used.text

    usage = await boss.get("/dashboard/usage?model=gpt-4o")
    prices = text_of((await boss.get("/dashboard/usage/prices")).text)
    account = text_of((await boss.get(f"{ADMIN}/accounts/{account_id}")).text)

    assert "Spent $0.005 in 1 charge " in text_of(usage.text)
    assert "/api/public/v1/usage?model=gpt-4o&amp;format=csv" in usage.text
    assert "gpt-4o $2.50 $1.25 $10.00" in prices
    assert "Usage of the last 30 days" in account
    wrong = await boss.get("/dashboard/usage?from=never")
    assert "such as 2026-06-13T12:00:00Z" in text_of(wrong.text)


@pytest.mark.one_database
async def test_models_beyond_those_shown_are_added_up_and_a_name_narrows_the_page(
    gateway: Gateway,
) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await account_of(browser))
    records = [
        {"amount_micros": number, "model": f"m & {number}", "description": "A chat"}
        for number in range(1, 23)
    ]
    used = await gateway.call("POST", "/usage", key=key, json={"records": records})
    assert used.status_code == 200, used.text

    shown = (await browser.get("/dashboard/usage?from=2026-06-01")).text

    # The two smallest, of 1 and 2 micros.
    assert "and 2 more, smaller ones 2 0 0 0 $0.000003" in text_of(shown)
    assert 'href="/dashboard/usage?from=2026-06-01&amp;model=m+%26+22"' in shown
    narrowed = (await browser.get("/dashboard/usage?from=2026-06-01&model=m%20%26%2022")).text
    assert "Spent $0.000022 in 1 charge " in text_of(narrowed)
