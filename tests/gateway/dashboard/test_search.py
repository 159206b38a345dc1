"""Find anything: ids by their prefix, parts of an address, references, names; and nobody finds another's."""

import re
from typing import Any, NamedTuple

import pytest

from tests.support.browser import Browser, signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import account_of, operator, switch

pytestmark = pytest.mark.fixed_clock
SEARCH = "/dashboard/search"
ALL = "/dashboard/admin/search"


class World(NamedTuple):
    """An account with one of everything; ids by the page that a search leads to."""

    browser: Browser
    ids: dict[str, str]
    request_id: str
    hint: str


async def world(gateway: Gateway, name: str) -> World:
    browser = await signed_in(gateway, f"{name}@shop.example")
    account_id = await account_of(browser)
    key = await gateway.key(account_id, name=f"Night shift of {name}")

    async def made(path: str, **body: Any) -> Any:
        answer = await gateway.call("POST", path, key=key, json=body)
        assert answer.status_code < 300, answer.text
        return answer

    url = f"http://127.0.0.1:10009/{name}"
    endpoint = (await made("/webhooks/register", url=url, description=name)).json()["data"]
    line = {
        "platform": "claude",
        "amount_cents": 1000,
        "recipient_email": f"{name}.lee@mail.example",
    }
    sent = await made("/topup/send", **line, reference=f"INV-{name}-0042")
    careful = (
        await made("/keys", name="Careful", scopes=["topup:send"], approval_threshold_cents=1)
    ).json()["data"]
    held = (await gateway.call("POST", "/topup/send", key=careful["key"], json=line)).json()
    batch = (await made("/topup/bulk", items=[{**line, "reference": f"bulk-{name}"}])).json()
    replay = (await made(f"/webhooks/{endpoint['id']}/replay")).json()["data"]
    events = (await gateway.call("GET", "/events", key=key)).json()["data"]["items"]
    event = next(one for one in events if "transaction_id" in one["data"])
    delivery = (await gateway.call("GET", "/deliveries", key=key)).json()["data"]["items"][-1]
    topup = f"/dashboard/topups/{sent.json()['transaction_id']}"
    return World(
        browser,
        {
            sent.json()["transaction_id"]: topup,
            careful["id"]: f"/dashboard/keys/{careful['id']}",
            endpoint["id"]: f"/dashboard/webhooks/{endpoint['id']}",
            held["data"]["approval"][
                "id"
            ]: f"/dashboard/approvals/{held['data']['approval']['id']}",
            batch["data"]["id"]: f"/dashboard/batches/{batch['data']['id']}",
            replay["id"]: f"/dashboard/replays/{replay['id']}",
            delivery["id"]: f"/dashboard/deliveries/{delivery['id']}",
            event["id"]: f"/dashboard/topups/{event['data']['transaction_id']}",
        },
        sent.headers["x-request-id"],
        sent.json()["data"]["voucher_code"][-4:],
    )


async def found(browser: Browser, text: str, path: str = SEARCH) -> list[str]:
    """Where the answer leads to, without what one can do."""
    page = await browser.request("GET", path, params={"q": text})
    assert page.status_code == 200, text_of(page.text)
    listed = re.search(r"<h2>Found</h2>\s*<ul>(.*?)</ul>", page.text, re.DOTALL)
    return re.findall(r'href="([^"]*)"', listed[1]) if listed else []


async def test_everything_is_found_by_its_account_and_by_no_other(gateway: Gateway) -> None:
    ann, bob = await world(gateway, "ann"), await world(gateway, "bob")
    boss = await operator(gateway)
    topup = next(iter(ann.ids.values()))
    words = {
        ann.request_id: topup,
        "ann.le": topup,
        "ANN.LEE@MAIL.example": topup,
        "INV-ann-0": topup,
        "inv-ANN": topup,
        ann.hint: topup,
        "shift of ann": "/dashboard/keys/",
        "10009/ann": "/dashboard/webhooks/",
    }
    for text, path in {**ann.ids, **words}.items():
        own = await found(ann.browser, text)
        assert any(to.startswith(path) for to in own), f"{text}: {own}"
        theirs = await found(bob.browser, text)
        # Four characters of a voucher, of 2**20, may be another's, too.
        assert theirs == [] or text == ann.hint, f"{text} of ann's is found by bob"
        as_operator = await found(boss, text)
        assert as_operator == [] or text == ann.hint, f"{text} is no operator's own"

    # What only operators' pages show is not found on the merchant's.
    assert await found(boss, await account_of(boss)) == []
    # A list is offered where it has something.
    for text, is_offered in (("ANN.lee@mail.example", True), ("nn.lee@mail.example", False)):
        page = await ann.browser.request("GET", SEARCH, params={"q": text})
        assert ("All top-ups to exactly" in page.text) is is_offered, text
    for text in [*ann.ids, ann.request_id, "ann.le", "inv-ann", "ann@shop"]:
        paths = await found(boss, text, ALL)
        assert paths, f"the operator does not find {text}"
        assert all(path.startswith("/dashboard/admin/") for path in paths)
        for path in paths:
            assert (await boss.get(path)).status_code == 200, path
    for path in ann.ids.values():
        assert (await ann.browser.get(path)).status_code == 200, path
    refused = await bob.browser.request("GET", ALL, params={"q": "ann"})
    assert refused.status_code == 403


async def test_what_lies_in_the_other_environment_is_named_and_not_led_to(gateway: Gateway) -> None:
    ann = await world(gateway, "ann")
    topup_id = next(iter(ann.ids))
    await switch(ann.browser, "live")

    page = await ann.browser.get(f"{SEARCH}?q={topup_id}")

    assert "in staging: switch to see it" in text_of(page.text)
    assert f"/dashboard/topups/{topup_id}" not in page.text
    assert await found(ann.browser, "ann.lee") == []


@pytest.mark.one_database
async def test_a_secret_is_not_looked_for_and_not_shown_again(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    key = await gateway.key(await account_of(ann))
    for secret in (key, "ATU-0000-1111-2222-3333-4444", "TOPUP-ABCD-EFGH-JKMN-PQRS"):
        page = await ann.get(f"{SEARCH}?q={secret}")
        assert page.status_code == 422
        assert "looks like a secret" in page.text
        assert secret not in page.text


@pytest.mark.one_database
async def test_odd_questions_are_answered_in_words(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    for text in ("x", "%", "_", "'; --", "txn_0000000000000000", "zz_0000000000000000", "<b>", "…"):
        page = await ann.request("GET", SEARCH, params={"q": text})
        assert page.status_code == 200, text
        assert "Nothing found" in page.text, text
        assert "<b>" not in page.text
    for query in ("q=%00", "q=" + "a" * 321, "q=abc&before=nonsense"):
        assert (await ann.get(f"{SEARCH}?{query}")).status_code == 422, query
    assert "Send a top-up" in text_of((await ann.get(SEARCH)).text)
    do = text_of((await ann.get(f"{SEARCH}?q=new+key")).text)
    assert "New key" in do
    assert "Operator:" not in do


async def done(browser: Browser, text: str, path: str = SEARCH) -> list[str]:
    """Where the acts and pages that one can do lead to."""
    page = await browser.request("GET", path, params={"q": text})
    listed = re.search(r"<h2>Do</h2>\s*<ul>(.*?)</ul>", page.text, re.DOTALL)
    return re.findall(r'href="([^"]*)"', listed[1]) if listed else []


async def test_an_act_and_a_name_lead_to_the_acts_form(gateway: Gateway) -> None:
    ann, bob = await world(gateway, "ann"), await world(gateway, "bob")
    keys = "/dashboard/keys"
    careful = next(path for path in ann.ids.values() if path.startswith(f"{keys}/"))
    hook = next(path for path in ann.ids.values() if path.startswith("/dashboard/webhooks/"))
    replay = next(one for one in ann.ids if one.startswith("rpl_"))

    assert await done(ann.browser, "pause key careful") == [f"{careful}#pause"]
    assert await done(ann.browser, "Revoke the key CAREFUL") == [f"{careful}#revoke"]
    assert await done(ann.browser, f"pause {replay}") == [f"/dashboard/replays/{replay}#pause"]
    assert await done(ann.browser, "replay failures of 10009/ann") == [f"{hook}#replay"]
    approval = next(path for path in ann.ids.values() if "/approvals/" in path)
    found = await done(ann.browser, f"approve {approval.rpartition('/')[2]}")
    assert found == [f"{approval}#approve"]
    topup = next(iter(ann.ids.values()))
    assert await done(ann.browser, "reverse INV-ann-0042") == [f"{topup}#reverse"]
    # A saved card lies below /topup, and is none.
    assert topup not in str(await done(ann.browser, f"remove {topup.rpartition('/')[2]}"))
    # Of an account without that name, the list.
    assert await done(ann.browser, "pause key nobody") == [keys]
    assert careful not in str(await done(bob.browser, f"pause key {careful.rpartition('/')[2]}"))
    assert keys in await done(ann.browser, "pause")
    # Each form is on the page that it leads to.
    for path in (f"{careful}#pause", f"{careful}#revoke", f"{hook}#replay"):
        page, _, place = path.partition("#")
        assert f'id="{place}"' in (await ann.browser.get(page)).text, path


@pytest.mark.one_database
async def test_pages_are_found_and_what_a_role_refuses_is_not_offered(gateway: Gateway) -> None:
    ann, boss = await signed_in(gateway), await operator(gateway)

    assert await done(ann, "delivery log") == ["/dashboard/deliveries"]
    assert await done(ann, "invoice pdf") == ["/dashboard/documents"]
    assert await done(ann, "suppliers") == []
    assert "/dashboard/admin/suppliers" in await done(boss, "suppliers")
    assert await done(boss, "create a pack", ALL) == ["/dashboard/admin/packs#create"]
    assert 'id="create"' in (await boss.get("/dashboard/admin/packs")).text
    assert "/dashboard/admin/packs" in await done(boss, "disable pack", ALL)
    for verb in ("ask", "decide", "retry", "settle", "suspend", "switch"):
        offered = await done(boss, verb, ALL)
        assert offered, verb
        for path in offered:
            assert (await boss.get(path)).status_code == 200, path
    asked = f"suspend account {await account_of(ann)}"
    account = f"/dashboard/admin/accounts/{await account_of(ann)}"
    assert await done(boss, asked, ALL) == [f"{account}#suspend"]
