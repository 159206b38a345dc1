"""The operators' audit log: found by what was done, by whom, to what and when; also as CSV with the same filters."""

import csv
import io
import re

import pytest

from kernel.clock import FixedClock
from tests.support.browser import Browser, signed_in
from tests.support.gateway import Gateway
from tests.support.operator_pages import account_of, operator, press

PAGE = "/dashboard/admin/audit"
DAY_S = 86_400
pytestmark = pytest.mark.fixed_clock


async def actions(boss: Browser, query: str) -> list[str]:
    """What the page lists, newest first."""
    answer = await boss.get(f"{PAGE}?{query}")
    assert answer.status_code == 200, answer.text
    return re.findall(r'class="lead" data-label="What">([^<]+)<', answer.text)


async def test_each_filter_finds_what_was_done_to_accounts(
    gateway: Gateway, clock: FixedClock
) -> None:
    boss = await operator(gateway)
    ann = await account_of(await signed_in(gateway, "ann@example.com"))
    bob = await account_of(await signed_in(gateway, "bob@example.com"))
    boss_id = await account_of(boss)
    for account_id in (ann, bob):
        page = f"/dashboard/admin/accounts/{account_id}"
        await press(boss, page, f"{page}/suspend", reason="fraud")
        clock.advance_s(DAY_S)
    page = f"/dashboard/admin/accounts/{ann}"
    await press(boss, page, f"{page}/resume")

    found = {
        query: await actions(boss, query)
        for query in (
            "",
            f"account_id={ann}",
            "action=account",
            "action=account.suspended",
            "action=acc",
            f"by={boss_id}&subject_id={bob}",
            f"by={ann}",
            "created_after=2026-06-14&created_before=2026-06-14",
            "created_after=2026-06-16",
        )
    }

    assert found == {
        "": ["account.resumed", "account.suspended", "account.suspended"],
        f"account_id={ann}": ["account.resumed", "account.suspended"],
        "action=account": ["account.resumed", "account.suspended", "account.suspended"],
        "action=account.suspended": ["account.suspended", "account.suspended"],
        "action=acc": [],
        f"by={boss_id}&subject_id={bob}": ["account.suspended"],
        f"by={ann}": [],
        "created_after=2026-06-14&created_before=2026-06-14": ["account.suspended"],
        "created_after=2026-06-16": [],
    }
    sheet = await boss.get(f"{PAGE}?format=csv&action=account.resumed")
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert [(row["entry_action"], row["entry_account_id"]) for row in rows] == [
        ("account.resumed", ann)
    ]
    assert (await boss.get(f"{PAGE}?created_after=soon")).status_code == 422
