"""The form of a key is made from the inputs of its acts: what it offers, what it fills in and what it means."""

import re
from typing import Any

from tests.support.browser import Browser, browser_account, signed_in, text_of
from tests.support.gateway import API, Gateway

KEYS = "/dashboard/keys"


async def only_key(browser: Browser) -> Any:
    (key,) = (await browser.request("GET", f"{API}/keys")).json()["data"]["items"]
    return key


async def shown(browser: Browser, key_id: str) -> Any:
    return (await browser.request("GET", f"{API}/keys/{key_id}")).json()["data"]


def value_of(html: str, name: str) -> str:
    found = re.search(f'name="{name}" type="[a-z]+" value="(.*?)"', html)
    return found[1] if found else ""


def ticked(html: str, name: str) -> list[str]:
    return re.findall(f'name="{name}" value="([^"]*)" checked', html)


def offered(html: str, name: str) -> list[str]:
    return re.findall(f'type="checkbox" name="{name}" value="([^"]*)"', html)


async def test_each_scope_has_its_sentence_and_platforms_are_boxes(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    page = (await browser.get(f"{KEYS}/new")).text

    assert len(offered(page, "scopes")) == 13
    assert "Redeem the codes that any key of your account sent vouchers:redeem" in text_of(page)
    assert ticked(page, "scopes") == ["topup:send", "topup:read"]
    assert {"claude", "gemini"} <= set(offered(page, "platforms"))
    assert "approval_threshold_cents" not in page


async def test_a_preset_fills_the_form_in(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    agent = (await browser.get(f"{KEYS}/new?preset=agent")).text
    reader = (await browser.get(f"{KEYS}/new?preset=reader")).text
    refused = await browser.send(KEYS, {"name": "a", "scopes": "topup:send", "preset": "agent"})

    filled = ("per_day_cents", "approval_above_per_day_cents", "repeat_guard_s")
    assert [value_of(agent, name) for name in filled] == ["50.00", "20.00", "10m"]
    assert ticked(reader, "scopes") == ["topup:read", "webhooks:read", "billing:read", "usage:read"]
    assert refused.status_code == 422
    assert "The preset agent needs this, such as $50.00" in text_of(refused.text)


async def test_a_key_works_until_the_end_of_the_day_that_was_chosen(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    fields = {"name": "Agent", "scopes": "topup:send", "expires_at": "2026-12-02"}

    await browser.send(KEYS, fields)
    key = await only_key(browser)
    page = (await browser.get(f"{KEYS}/{key['id']}")).text

    assert key["expires_at"] == "2026-12-02T23:59:59Z"
    assert value_of(page, "expires_at") == "2026-12-02"
    assert "Access lasts until the end of that day." in text_of(page)


async def test_saving_a_form_as_it_was_shown_changes_nothing(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    limited = {
        "name": "Agent",
        "scopes": ["topup:send"],
        "platforms": ["claude", "gemini"],
        "recipients": ["*@example.com", "bo@acme.example"],
        "windows": [{"seconds": 5400, "cents": 5001}, {"seconds": 604800, "cents": 20000}],
        "repeat_guard_s": 90,
        "max_sends_per_hour": 0,
        "max_recipients_per_week": 1000,
        "caps": {"per_call_cents": 7},
        "expires_at": "2026-12-02T12:00:00Z",
    }
    owner = await gateway.key(await browser_account(browser))
    made = (await gateway.call("POST", "/keys", key=owner, json=limited)).json()["data"]
    before = await shown(browser, made["id"])
    page = (await browser.get(f"{KEYS}/{before['id']}")).text
    form = page[page.index("data-kept") :]
    fields: dict[str, Any] = {}
    for name, value in re.findall(r'name="([a-z_.]+)" type="[a-z]+" value="(.*?)"', form):
        fields.setdefault(name, []).append(value)
    areas = r'<textarea id="\w+" name="(\w+)"[^>]*>(.*?)</textarea>'
    fields |= dict(re.findall(areas, form, re.DOTALL))
    fields |= {name: ticked(form, name) for name in ("scopes", "platforms")}

    saved = await browser.send(f"{KEYS}/{before['id']}", fields)

    assert saved.headers["location"].endswith("said=key-saved")
    assert await shown(browser, made["id"]) == before
