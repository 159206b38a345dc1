"""The operator's pages of fees and of what is earned: what is set there is charged and added up."""

import pytest

from tests.support.browser import csrf_of, text_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import ADMIN as HERE, operator

pytestmark = [pytest.mark.one_database, pytest.mark.fixed_clock]


async def test_a_fee_set_on_the_page_is_charged_and_is_in_the_margin(gateway: Gateway) -> None:
    boss = await operator(gateway)
    page = f"{HERE}/platforms/claude"
    token = {"csrf_token": csrf_of((await boss.get(page)).text), "environment": "staging"}

    crossed = await boss.send(f"{page}/fee", {**token, "min_cents": "2", "max_cents": "1"})
    saved = await boss.send(
        f"{page}/fee", {**token, "fixed_cents": "0.30", "basis_points": "250", "step": "save"}
    )
    await gateway.context.suppliers.refresh()
    key = await gateway.key(await gateway.account())
    body = {"platform": "claude", "amount_cents": 1000, "recipient_email": "user@example.com"}
    sent = await gateway.call("POST", "/topup/send", key=key, json=body)
    shown = text_of((await boss.get(page)).text)
    margin = text_of((await boss.get(f"{HERE}/margin?by=platform&by=supplier")).text)
    wrong = await boss.get(f"{HERE}/margin?from=2026-06-14&to=2026-06-13")
    cleared = await boss.send(f"{page}/fee", {**token, "step": "clear"})

    assert crossed.status_code == 422
    assert saved.headers["location"] == f"{page}?said=fees.set"
    assert sent.json()["data"]["charged_cents"] == 1055
    assert "all others $0.30 2.50 %" in shown
    assert "claude wallet 1 $10.00 $0.55 $10.55 $0.00 $0.00 1" in margin
    assert wrong.status_code == 422
    assert cleared.headers["location"] == f"{page}?said=fees.clear"
    assert "No fee" in (await boss.get(page)).text
