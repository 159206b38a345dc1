"""The statement's page: whose it is, the balance before and after, and after each change."""

import pytest

from kernel.clock import rfc3339
from tests.support.browser import browser_account, signed_in, text_of
from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database

SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "bob@example.com"}


async def test_the_balance_stands_before_after_and_beside_each_change(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await browser_account(browser))
    for cents in (1000, 250):
        await gateway.call("POST", "/topup/send", key=key, json={**SEND, "amount_cents": cents})

    read = text_of((await browser.get("/dashboard/statement")).text)

    assert "Opening balance $0.00 Closing balance $9,987.50" in read
    assert "Test credit Test credit +$10,000.00 $10,000.00" in read
    assert "Top-up sent bob@example.com, claude −$10.00 $9,990.00" in read
    assert "Top-up sent bob@example.com, claude −$2.50 $9,987.50" in read


async def test_a_period_without_changes_keeps_its_balances(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    past = await browser.get("/dashboard/statement?from=2020-01-01&to=2020-02-01")
    wrong = await browser.get("/dashboard/statement?from=2020-02-01&to=2020-01-01")
    epoch = await browser.get("/dashboard/statement?from=1970-01-01&to=2020-01-01")
    ever = await browser.get("/dashboard/statement?from=0001-01-01&to=9999-12-31")

    assert "2020-01-01 to 2020-01-31, both included" in text_of(past.text)
    assert "Nothing changed the balance in this period" in text_of(past.text)
    assert "1970-01-01 to 2019-12-31, both included" in text_of(epoch.text)
    assert "0001-01-01 to 9999-12-30, both included" in text_of(ever.text)
    assert wrong.status_code == 422
    assert "The first day is before the last one." in text_of(wrong.text)


async def test_a_month_of_the_account_is_chosen_and_names_the_page(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    account_id = await browser_account(browser)
    key = await gateway.key(account_id)
    await gateway.call("POST", "/topup/send", key=key, json=SEND)
    # 2026-08-31T12:00:00Z, of which the gateway's own months go on until now.
    await gateway.context.database.transaction(
        lambda tx: tx.execute(
            "UPDATE accounts SET created_at = 1788177600000000 WHERE id = :id", id=account_id
        )
    )

    august = await browser.get("/dashboard/statement?month=2026-08")
    before = await browser.get("/dashboard/statement?month=2026-07")
    this = rfc3339(gateway.context.clock.now_us())[:7]
    now = await browser.get(f"/dashboard/statement?month={this}")

    assert "Statement, 2026-08 · Topup Gateway</title>" in august.text
    assert '<option value="2026-08" selected>' in august.text
    assert "2026-08-01 to 2026-08-31, both included" in text_of(august.text)
    assert "Closing balance $0.00" in text_of(august.text)
    assert (before.status_code, "Choose a month of the list" in before.text) == (422, True)
    assert "Closing balance $9,990.00" in text_of(now.text)


async def test_what_is_held_says_for_whom(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    key = await gateway.key(await browser_account(browser))
    await gateway.call(
        "POST",
        "/topup/send",
        key=key,
        json={**SEND, "recipient_email": "approval@sandbox.test"},
    )

    read = text_of((await browser.get("/dashboard/statement")).text)

    assert "Held for a top-up approval@sandbox.test −$10.00 $9,990.00" in read
