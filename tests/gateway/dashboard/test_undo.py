"""An act that has an inverse is done at once, and the page afterwards takes it back by one press."""

import re
from html import unescape

from tests.support.browser import Browser, csrf_of, signed_in
from tests.support.gateway import Gateway
from tests.support.operator_pages import ADMIN, operator

PACKS = f"{ADMIN}/packs"


def undo_of(html: str) -> str | None:
    """The address of the page's undo button."""
    form = re.search(
        r'<form method="post" action="([^"]*)">(?:(?!</form>).)*>Undo<', html, re.DOTALL
    )
    return form and unescape(form[1])


async def pressed(browser: Browser, page: str, address: str) -> str:
    """The location that the button leads to."""
    token = csrf_of((await browser.get(page)).text)
    answer = await browser.send(address, {"csrf_token": token}, headers={})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def test_a_pack_that_was_disabled_is_enabled_by_one_press(gateway: Gateway) -> None:
    boss = await operator(gateway)

    landed = await pressed(boss, PACKS, f"{PACKS}/pack_pro/disable")
    html = (await boss.get(landed)).text
    undo = undo_of(html)
    assert undo == f"{PACKS}/pack_pro/enable"
    back = undo_of((await boss.get(await pressed(boss, landed, undo))).text)

    assert back == f"{PACKS}/pack_pro/disable"
    found = await gateway.call("GET", "/packs", key=await gateway.key(await gateway.account()))
    assert "pack_pro" in {one["id"] for one in found.json()["data"]["items"]}


async def test_a_paused_key_is_resumed_by_one_press(gateway: Gateway) -> None:
    browser = await signed_in(gateway, "merchant@example.com")
    token = csrf_of((await browser.get("/dashboard/keys/new")).text)
    fields = {"csrf_token": token, "name": "Agent", "scopes": "topup:send"}
    made = (await browser.send("/dashboard/keys", fields, headers={})).text
    key = re.search(r"/dashboard/keys/(key_\w+)", made)
    assert key is not None, made

    landed = await pressed(browser, "/dashboard/keys", f"/dashboard/keys/{key[1]}/pause")
    undo = undo_of((await browser.get(landed)).text)
    assert undo == f"/dashboard/keys/{key[1]}/resume"
    await pressed(browser, landed, undo)

    shown = (await browser.get(f"/dashboard/keys/{key[1]}")).text
    assert "Pause the key" in shown


async def test_a_link_of_a_stranger_shows_no_undo_button(gateway: Gateway) -> None:
    boss, other = await operator(gateway), await operator(gateway, "other@example.com")
    landed = await pressed(boss, PACKS, f"{PACKS}/pack_pro/disable")
    assert undo_of((await boss.get(landed)).text) is not None
    links = {
        "signed for another session": (other, landed),
        "signed with what is no mark": (boss, landed.replace("undo_mark=", "undo_mark=%C3%A9")),
        "unsigned": (boss, re.sub(r"&undo_mark=\w+", "", landed)),
        "of another object": (boss, landed.replace("pack_pro", "pack_starter")),
    }

    found = {why: undo_of((await who.get(link)).text) for why, (who, link) in links.items()}

    assert found == dict.fromkeys(links)
