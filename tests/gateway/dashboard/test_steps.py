"""Long forms in steps, in a browser without scripts: what was typed stays, and the summary says what will be."""

import re
from html import unescape
from typing import Any

import pytest

from tests.support.browser import Browser, signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import ADMIN, operator

pytestmark = pytest.mark.one_database
KEYS = "/dashboard/keys"
KEY = {
    "name": "Checkout agent",
    "scopes": ["topup:send", "topup:read"],
    "per_day_cents": "500",
    "windows.seconds": ["1h", "", ""],
    "windows.cents": ["80.50", "", ""],
    "platforms": ["claude", "gemini"],
    "max_recipients_per_week": "20",
    "expires_at": "2026-12-31",
}
PLAN = {
    "id": "pro",
    "name": "Pro",
    "price_monthly": "20.00",
    "currency": "USD",
    "credits_included": "25000",
    "credit_expires": "period_end",
    "trial_days": "14",
    "when_used_up": "stop",
}


def summary_of(html: str) -> list[str]:
    (found,) = re.findall(r'<ul class="sums.*?</ul>', html, re.DOTALL)
    return [text_of(one).strip() for one in re.findall(r"<li>(.*?)</li>", found, re.DOTALL)]


def open_step(html: str) -> str:
    (found,) = re.findall(r'<details name="steps" open><summary.*?</summary>', html, re.DOTALL)
    return text_of(found).strip()


def typed(html: str, name: str) -> list[str]:
    found = re.findall(rf'name="{re.escape(name)}" type="[a-z]+" value="(.*?)"', html)
    return [unescape(one) for one in found]


async def step(browser: Browser, path: str, fields: dict[str, Any], number: int) -> str:
    return (await browser.send(path, {**fields, "step": str(number)})).text


async def test_a_key_is_made_step_by_step_and_says_what_it_may_do(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    new = (await browser.get(f"{KEYS}/new")).text
    third = await step(browser, KEYS, KEY, 3)
    back = await step(browser, KEYS, KEY, 2)
    made = await browser.send(KEYS, KEY)
    key = (await browser.request("GET", "/api/public/v1/keys")).json()["data"]["items"][0]
    own = (await browser.get(f"{KEYS}/{key['id']}")).text

    assert (open_step(new), open_step(third), open_step(back)) == (
        "1 Name and scopes",
        "3 Recipients",
        "2 Spending",
    )
    assert "Has no spending limit." in summary_of(new)
    assert typed(back, "name") == ["Checkout agent"]
    assert typed(back, "windows.cents")[0] == "80.50"
    assert typed(back, "expires_at") == ["2026-12-31"]
    assert (
        summary_of(third)
        == summary_of(own)
        == [
            "Has the scopes topup:send, topup:read.",
            "Sends at most $500.00 a day.",
            "Sends at most $80.50 in any 1 h.",
            "Sends credit only for claude, gemini.",
            "Isn't limited to certain recipients.",
            "Sends to at most 20 recipients in any seven-day period.",
            "Needs no approval for a send.",
            "Works until the end of 2026-12-31, UTC.",
        ]
    )
    assert made.status_code == 200
    assert (key["caps"]["per_day_cents"], key["max_recipients_per_week"]) == (50_000, 20)


async def test_the_step_with_an_error_opens_and_no_step_makes_anything(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    wrong = {**KEY, "per_day_cents": "much", "expires_at": "2020-01-01"}
    left = await step(browser, KEYS, {**wrong, "scopes": []}, 2)
    later = await step(browser, KEYS, wrong, 3)
    not_yet = await step(browser, KEYS, wrong, 2)
    odd = [(await browser.send(KEYS, {**KEY, "step": one})).text for one in ("9" * 5000, "-1", "x")]
    sent = (await browser.send(KEYS, {**KEY, "expires_at": "2020-01-01"})).text
    listed = (await browser.request("GET", "/api/public/v1/keys")).json()["data"]["items"]

    assert open_step(left) == "1 Name and scopes"
    assert open_step(later) == "2 Spending"
    assert "Write an amount in dollars, such as 10.00" in text_of(later)
    assert (open_step(not_yet), 'class="is-wrong"' in not_yet) == ("2 Spending", False)
    assert open_step(sent) == "4 Safety"
    assert {open_step(one) for one in odd} == {"1 Name and scopes"}
    assert typed(sent, "name") == ["Checkout agent"]
    assert listed == []


async def test_a_text_of_many_words_is_shown_as_few_ticks(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    words = " ".join(f"{number:x}" for number in range(4_000))

    shown = await step(browser, KEYS, {**KEY, "scopes": [words], "platforms": [words]}, 3)

    assert 200 <= shown.count('name="scopes" value=') < 300
    assert 200 <= shown.count('name="platforms" value=') < 300


async def test_a_form_of_too_many_fields_is_told_so(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    refused = await browser.send(KEYS, {**KEY, "platforms": ["claude"] * 200, "step": "2"})

    assert refused.status_code == 422
    assert "The form has more than 200 fields." in text_of(refused.text)


async def test_a_plan_says_what_it_costs_and_grants(gateway: Gateway) -> None:
    boss = await operator(gateway)

    new = (await boss.get(f"{ADMIN}/new/plans")).text
    last = await step(boss, f"{ADMIN}/plans", PLAN, 4)
    nameless = await step(boss, f"{ADMIN}/plans", {**PLAN, "name": ""}, 3)
    made = await boss.send(f"{ADMIN}/plans", PLAN)
    again = (await boss.send(f"{ADMIN}/plans", PLAN)).text
    changed = await step(boss, f"{ADMIN}/plans/pro", {**PLAN, "price_monthly": "25"}, 2)

    assert (open_step(new), open_step(last)) == ("1 Plan", "4 Trial and extras")
    assert summary_of(last)[:5] == [
        "Costs 20.00 USD a month.",
        "Isn't sold by the year.",
        "Grants 25,000 credits a month.",
        "Its credit expires with the period.",
        "No credit rolls over into the next period.",
    ]
    assert "Begins with a free trial of 14 days." in summary_of(last)
    assert "When its credit is used up, usage is refused." in summary_of(last)
    assert open_step(nameless) == "1 Plan"
    assert made.status_code == 303
    assert open_step(again) == "1 Plan"
    assert "Costs 25.00 USD a month." in summary_of(changed)
    assert "20.00" in (await boss.get(f"{ADMIN}/plans")).text


async def test_a_supplier_asks_for_the_options_of_its_kind(gateway: Gateway) -> None:
    boss = await operator(gateway)
    http = {"kind": "http", "id": "gift-cards"}
    options = {"url": "https://cards.example/topup", "timeout_s": "5", "sign_answers": "yes"}

    asked = await step(boss, f"{ADMIN}/suppliers", http, 3)
    secretless = (await boss.send(f"{ADMIN}/suppliers", {**http, **options})).text
    secret = "whsec_" + "QUJE" * 8
    made = await boss.send(f"{ADMIN}/suppliers", {**http, **options, "secret": secret})
    own = (await boss.get(f"{ADMIN}/suppliers/gift-cards")).text

    assert (open_step(asked), typed(asked, "timeout_s")) == ("3 Options", ["10.0"])
    assert open_step(secretless) == "3 Options"
    assert "Calls https://cards.example/topup." in summary_of(secretless)
    assert "Is called gift-cards." in summary_of(secretless)
    assert secret not in own
    assert made.status_code == 303, text_of(made.text)
    assert typed(own, "timeout_s") == ["5.0"]
    assert 'name="sign_answers" value="yes" checked' in own
