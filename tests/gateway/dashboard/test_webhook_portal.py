"""A merchant's webhooks for holders of a link: what they see and do, who may embed it, and when it ends."""

import asyncio
import re
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys import account_access
from keys.api_keys import api_key
from keys.tokens import portal_link
from store.database import Transaction
from tests.gateway.dashboard.test_team import OWNER, Team, opened
from tests.support.browser import csrf_of, signed_in, text_of
from tests.support.gateway import API, Gateway
from tests.support.gateway_worker import delivering
from tests.support.recording_receiver import receiver
from tests.support.replay_history import Past, given_past
from tests.support.webhook_rows import given_endpoint

one_database = pytest.mark.one_database
SITE = "https://app.acme.example"
SECRET = "s3cr3t-of-the-url"
FORM = {"content-type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


class Shop(NamedTuple):
    """An account with two endpoints and a failed delivery to each."""

    gateway: Gateway
    account_id: str
    key: str
    endpoints: tuple[str, str]
    deliveries: tuple[str, str]

    async def link(self, **asked: Any) -> dict[str, Any]:
        body = {"origins": [SITE], **asked}
        made = await self.gateway.call("POST", "/portal-links", key=self.key, json=body)
        assert made.status_code == 201, made.text
        data: dict[str, Any] = made.json()["data"]
        return {**data, "path": data["url"].removeprefix(self.gateway.context.settings.address())}

    async def get(self, path: str) -> httpx.Response:
        return await self.gateway.client.get(path)

    async def press(self, path: str, content: str = "", **headers: str) -> httpx.Response:
        return await self.gateway.client.post(path, content=content, headers={**FORM, **headers})


@pytest.fixture
async def shop(gateway: Gateway) -> Shop:
    account_id = await gateway.account()
    tenant = Tenant(account_id, "staging")
    context = gateway.context
    key = await gateway.key(account_id)
    endpoints, deliveries = [], []
    for number in range(2):
        url = f"http://127.0.0.1:9009/{number}?key={SECRET}"
        added = await gateway.call("POST", "/webhooks/register", key=key, json={"url": url})
        endpoints.append(added.json()["data"]["id"])
        (made,) = await given_past(context.database, tenant, endpoints[-1], [Past(status="failed")])
        deliveries.append(made)
    return Shop(
        gateway, account_id, key, (endpoints[0], endpoints[1]), (deliveries[0], deliveries[1])
    )


def delivery_of(shop: Shop, link: dict[str, Any], number: int = 0) -> str:
    return f"{link['path']}/{shop.endpoints[number]}/deliveries/{shop.deliveries[number]}"


async def test_a_reader_sees_webhooks_and_deliveries_and_nothing_to_spend(shop: Shop) -> None:
    link = await shop.link(can="read")
    pages = [
        await shop.get(path)
        for path in (
            link["path"],
            f"{link['path']}/{shop.endpoints[0]}",
            delivery_of(shop, link),
        )
    ]

    for page in pages:
        assert page.status_code == 200, page.text
        assert "set-cookie" not in page.headers
        assert "x-frame-options" not in page.headers
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        policy = page.headers["content-security-policy"]
        assert policy.endswith(f"frame-ancestors {SITE}")
        assert "script-src" not in policy
        assert "<script" not in page.text
        assert SECRET not in page.text
        assert "whsec_" not in page.text
        assert '<form method="post"' not in page.text
    assert "http://127.0.0.1:9009/0" in pages[0].text
    assert shop.deliveries[0] in pages[1].text
    assert shop.deliveries[0] in pages[2].text


@one_database
async def test_every_other_page_stays_in_no_frame(shop: Shop) -> None:
    closed = await shop.link(origins=[])
    for path in ("/sign-in", "/", "/webhook-portal/" + "x" * 43, closed["path"]):
        page = await shop.get(path)
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"], path
        assert page.headers["x-frame-options"] == "DENY", path


@one_database
async def test_a_link_does_no_more_than_it_says(shop: Shop) -> None:
    read, replay = await shop.link(can="read"), await shop.link(can="replay")
    manage = await shop.link(can="manage")
    acts = {
        f"/{shop.endpoints[0]}/deliveries/{shop.deliveries[0]}/replay": "",
        f"/{shop.endpoints[0]}/replay": "since=2020-01-01T00:00:00Z",
        f"/{shop.endpoints[0]}/test": "event=endpoint.test",
    }
    by_reader = [await shop.press(read["path"] + path, body) for path, body in acts.items()]
    by_replayer = [await shop.press(replay["path"] + path, body) for path, body in acts.items()]
    disable = [
        await shop.press(f"{one['path']}/{shop.endpoints[0]}", "status=disabled")
        for one in (read, replay, manage)
    ]
    shown = await shop.gateway.call("GET", f"/webhooks/{shop.endpoints[0]}", key=shop.key)

    assert [one.status_code for one in by_reader] == [403, 403, 403]
    assert [one.status_code for one in by_replayer[:2]] == [303, 303]
    assert by_replayer[2].status_code in {200, 422, 502}
    assert [one.status_code for one in disable] == [403, 403, 303]
    assert shown.json()["data"]["status"] == "disabled"
    assert by_replayer[0].headers["location"].startswith(replay["path"])
    for page in (*by_reader, *by_replayer):
        assert page.headers["content-security-policy"].endswith(f"frame-ancestors {SITE}")
        assert "x-frame-options" not in page.headers


async def test_a_replay_pressed_twice_is_sent_once(shop: Shop) -> None:
    link = await shop.link(can="replay")
    path = f"{delivery_of(shop, link)}/replay"
    both = [await shop.press(path, "once=frm_1") for _ in range(2)]

    assert both[0].headers["location"] == both[1].headers["location"]


@one_database
async def test_a_change_is_made_as_often_as_it_is_pressed(shop: Shop) -> None:
    link = await shop.link(can="manage")
    path = f"{link['path']}/{shop.endpoints[0]}"
    page = (await shop.get(path)).text
    # By a browser's Back, which shows the form as it was.
    form = page.partition(f'action="{path}"')[2].partition("</form>")[0]
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    for status in ("disabled", "enabled"):
        await shop.press(path, urlencode([*hidden, ("status", status)]))
    shown = await shop.gateway.call("GET", f"/webhooks/{shop.endpoints[0]}", key=shop.key)

    assert shown.json()["data"]["status"] == "enabled"


async def test_a_link_of_one_webhook_shows_no_other(shop: Shop) -> None:
    link = await shop.link(can="manage", endpoint_ids=[shop.endpoints[0]])
    other = shop.endpoints[1]
    paths = (
        f"{link['path']}/{other}",
        f"{link['path']}/{other}/deliveries/{shop.deliveries[1]}",
        # Another endpoint's delivery below the one that it shows.
        f"{link['path']}/{shop.endpoints[0]}/deliveries/{shop.deliveries[1]}",
    )
    pages = [await shop.get(path) for path in paths]
    pressed = [
        await shop.press(f"{paths[2]}/replay"),
        await shop.press(f"{paths[0]}/test", "event=endpoint.test"),
        await shop.press(paths[0], "status=disabled"),
    ]
    listed = (await shop.get(link["path"])).text

    assert [one.status_code for one in (*pages, *pressed)] == [404] * 6
    assert "127.0.0.1:9009/0" in listed
    assert "127.0.0.1:9009/1" not in listed


async def test_a_link_shows_no_other_account_and_no_other_world(shop: Shop) -> None:
    account_id = await shop.gateway.account()
    context = shop.gateway.context
    found = []
    for tenant in (Tenant(account_id, "staging"), Tenant(shop.account_id, "live")):
        endpoint, _ = await given_endpoint(context.database, context.clock, tenant)
        (made,) = await given_past(context.database, tenant, endpoint.id, [Past(status="failed")])
        found.append((endpoint.id, made))
    link = await shop.link(can="manage")
    pages = []
    for endpoint_id, delivery_id in found:
        pages += [
            await shop.get(f"{link['path']}/{endpoint_id}"),
            await shop.get(f"{link['path']}/{endpoint_id}/deliveries/{delivery_id}"),
            await shop.get(f"{link['path']}/{shop.endpoints[0]}/deliveries/{delivery_id}"),
            await shop.press(f"{link['path']}/{endpoint_id}", "status=disabled"),
        ]
        named = await shop.gateway.call(
            "POST", "/portal-links", key=shop.key, json={"endpoint_ids": [endpoint_id]}
        )
        assert (named.status_code, named.json()["data"]["error"]["param"]) == (
            422,
            "endpoint_ids",
        )

    assert {one.status_code for one in pages} == {404}


@pytest.mark.fixed_clock
async def test_it_ends_at_its_time_and_when_it_is_revoked(shop: Shop, clock: FixedClock) -> None:
    link, other = await shop.link(expires_in_s=300), await shop.link(expires_in_s=86_400)
    clock.advance_s(299)
    before = await shop.get(link["path"])
    clock.advance_s(1)
    after = await shop.get(link["path"])
    revoked = await shop.gateway.call("DELETE", f"/portal-links/{other['id']}", key=shop.key)
    again = await shop.gateway.call("DELETE", f"/portal-links/{other['id']}", key=shop.key)
    gone = [await shop.get(other["path"]), await shop.press(f"{other['path']}/{shop.endpoints[0]}")]
    forged = await shop.get(link["path"][:-1] + "~")

    assert (before.status_code, after.status_code) == (200, 410)
    assert revoked.json()["data"]["revoked_at"] == again.json()["data"]["revoked_at"] is not None
    assert [one.status_code for one in gone] == [410, 410]
    assert "This link has ended" in text_of(after.text)
    # So that its frame says so.
    assert after.headers["content-security-policy"].endswith(f"frame-ancestors {SITE}")
    assert forged.status_code == 404
    assert "frame-ancestors 'none'" in forged.headers["content-security-policy"]


async def test_it_ends_with_the_key_that_made_it(shop: Shop) -> None:
    gateway, link = shop.gateway, await shop.link(can="manage")
    own = (await gateway.call("GET", "/keys/self", key=shop.key)).json()["data"]["id"]
    tenant, database = Tenant(shop.account_id, "staging"), gateway.context.database
    now_us = gateway.context.clock.now_us()
    await database.transaction(lambda tx: api_key.pause(tx, tenant, own, asker=None, now_us=now_us))
    paused = await shop.get(link["path"])
    unpressed = await shop.press(f"{link['path']}/{shop.endpoints[0]}", "status=disabled")
    await database.transaction(lambda tx: api_key.resume(tx, tenant, own, asker=None))
    await database.transaction(
        lambda tx: api_key.revoke(tx, tenant, own, asker=None, now_us=now_us)
    )
    ended = await shop.get(link["path"])

    assert (paused.status_code, unpressed.status_code, ended.status_code) == (200, 403, 410)


@pytest.mark.fixed_clock
async def test_it_ends_with_the_secret_of_a_key_that_leaked(shop: Shop, clock: FixedClock) -> None:
    gateway, link = shop.gateway, await shop.link()
    own = (await gateway.call("GET", "/keys/self", key=shop.key)).json()["data"]["id"]
    tenant, database = Tenant(shop.account_id, "staging"), gateway.context.database
    clock.advance_s(1)
    await database.transaction(
        lambda tx: api_key.rotate(tx, tenant, own, overlap_s=60, asker=None, now_us=clock.now_us())
    )
    kept = await shop.get(link["path"])
    by_old = await gateway.call("POST", "/portal-links", key=shop.key, json={})
    clock.advance_s(61)
    ended = await shop.get(link["path"])

    assert (kept.status_code, by_old.status_code, ended.status_code) == (200, 403, 410)


async def test_it_ends_with_the_token_that_made_it(shop: Shop) -> None:
    gateway = shop.gateway
    made = await gateway.call("POST", "/tokens", key=shop.key, json={"name": "portal"})
    token = made.json()["data"]
    link = await shop._replace(key=token["token"]).link()
    before = await shop.get(link["path"])
    await gateway.call("DELETE", f"/tokens/{token['id']}", key=shop.key)
    after = await shop.get(link["path"])

    assert (before.status_code, after.status_code) == (200, 410)


async def test_it_is_closed_while_the_account_is_suspended(shop: Shop) -> None:
    link, database = await shop.link(), shop.gateway.context.database
    now_us = shop.gateway.context.clock.now_us()
    await database.transaction(
        lambda tx: account_access.suspend(tx, shop.account_id, "unpaid", now_us=now_us)
    )
    closed = await shop.get(link["path"])
    await database.transaction(lambda tx: account_access.resume(tx, shop.account_id))
    open_again = await shop.get(link["path"])

    assert (closed.status_code, open_again.status_code) == (410, 200)


@pytest.mark.fixed_clock
async def test_it_ends_with_the_colleague_who_made_it(gateway: Gateway, clock: FixedClock) -> None:
    team: Team = await opened(gateway, await signed_in(gateway, OWNER), clock)
    theirs = await team.joined("dev@acme.example", "developer")
    links = []
    for browser in (theirs, team.owner):
        page = (await browser.get("/dashboard/portal-links")).text
        made = await browser.send(
            "/dashboard/portal-links",
            {"csrf_token": csrf_of(page), "name": "Acme", "can": "read", "expires_in_s": "3600"},
        )
        links.append(text_of(made.text).partition("/webhook-portal/")[2][:43])
    clock.advance_s(1)
    before = [await gateway.client.get(f"/webhook-portal/{one}") for one in links]
    await team.press("dev@acme.example", "remove")
    after = [await gateway.client.get(f"/webhook-portal/{one}") for one in links]
    listed = text_of((await team.owner.get("/dashboard/portal-links")).text)

    assert [one.status_code for one in before] == [200, 200]
    assert [one.status_code for one in after] == [410, 200]
    assert (listed.count("active"), listed.count("closed")) == (1, 1)


@pytest.mark.fixed_clock
async def test_a_closed_link_can_be_revoked_before_it_opens_again(
    gateway: Gateway, clock: FixedClock
) -> None:
    team: Team = await opened(gateway, await signed_in(gateway, OWNER), clock)
    theirs = await team.joined("dev@acme.example", "developer")
    path, said = "/dashboard/portal-links", []
    form = {"csrf_token": csrf_of((await theirs.get(path)).text), "name": "Acme", "can": "read"}
    made = text_of((await theirs.send(path, {**form, "expires_in_s": "3600"})).text)
    link = "/webhook-portal/" + made.partition("/webhook-portal/")[2][:43]
    for role in ("reader", "developer", "reader"):
        await team.press("dev@acme.example", "role", role=role)
        clock.advance_s(1)
        said.append((await gateway.client.get(link)).status_code)
    closed = (await team.owner.get(path)).text
    button = re.search(r'action="([^"]+/revoke)"', closed)
    assert button is not None
    await team.owner.send(button[1], {"csrf_token": csrf_of(closed)})
    await team.press("dev@acme.example", "role", role="developer")
    clock.advance_s(1)
    over = await gateway.client.get(link)
    revoked = (await team.owner.get(path)).text

    assert said == [410, 200, 410]
    assert "closed" in text_of(closed)
    assert over.status_code == 410
    assert button[1] not in revoked


@pytest.mark.fixed_clock
async def test_the_list_says_which_links_work(shop: Shop, clock: FixedClock) -> None:
    gateway, database = shop.gateway, shop.gateway.context.database
    tenant, ids, links = Tenant(shop.account_id, "staging"), {}, {}
    makers = {
        name: await gateway.key(shop.account_id) for name in ("kept", "paused", "ended", "old")
    }
    token = await gateway.call("POST", "/tokens", key=shop.key, json={"name": "portal"})
    makers["token"] = token.json()["data"]["token"]
    for name, key in makers.items():
        own = await gateway.call("GET", "/keys/self", key=key)
        ids[name] = own.json()["data"]["id"]
        links[name] = await shop._replace(key=key).link(expires_in_s=86_400)
    links |= {"revoked": await shop.link(), "expired": await shop.link(expires_in_s=300)}
    for number in range(3):
        links[f"kept {number}"] = await shop._replace(key=makers["kept"]).link(expires_in_s=86_400)
    clock.advance_s(1)

    async def changes(tx: Transaction) -> None:
        now_us = clock.now_us()
        await api_key.pause(tx, tenant, ids["paused"], asker=None, now_us=now_us)
        await api_key.revoke(tx, tenant, ids["ended"], asker=None, now_us=now_us)
        await api_key.rotate(tx, tenant, ids["old"], overlap_s=60, asker=None, now_us=now_us)

    await database.transaction(changes)
    await gateway.call("DELETE", f"/tokens/{token.json()['data']['id']}", key=shop.key)
    await gateway.call("DELETE", f"/portal-links/{links['revoked']['id']}", key=shop.key)
    before_rotation = await _statuses(shop, links)
    clock.advance_s(300)
    found = await _statuses(shop, links)

    assert before_rotation["old"] == "active"
    assert found == {
        "kept": "active",
        **{f"kept {number}": "active" for number in range(3)},
        "paused": "active",
        "ended": "closed",
        "old": "closed",
        "token": "closed",
        "revoked": "revoked",
        "expired": "expired",
    }
    # A key's links cost a statement, and a token's two.
    assert await _cost(shop, len(links)) - await _cost(shop, 1) <= 2
    for name, link in links.items():
        page = await shop.get(link["path"])
        shown = await gateway.call("GET", f"/portal-links/{link['id']}", key=shop.key)
        assert (page.status_code == 200) == (found[name] == "active"), name
        assert shown.json()["data"]["status"] == found[name]


async def _statuses(shop: Shop, links: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The status of each link in the list, by its name here."""
    listed = await shop.gateway.call("GET", "/portal-links", key=shop.key)
    statuses = {one["id"]: one["status"] for one in listed.json()["data"]["items"]}
    return {name: statuses[link["id"]] for name, link in links.items()}


async def _cost(shop: Shop, limit: int) -> int:
    """The statements that a page of so many links takes."""
    database, tenant = shop.gateway.context.database, Tenant(shop.account_id, "staging")
    before, now_us = database.statements_run, shop.gateway.context.clock.now_us()
    found = await database.read(
        lambda tx: portal_link.list_links(tx, tenant, limit=limit, now_us=now_us)
    )
    assert len(found) == limit
    return database.statements_run - before


@one_database
async def test_a_form_of_another_site_changes_nothing(shop: Shop) -> None:
    link = await shop.link(can="manage")
    path = f"{link['path']}/{shop.endpoints[0]}"
    refused = [
        await shop.press(path, "status=disabled", **{"Sec-Fetch-Site": site})
        for site in ("cross-site", "same-site")
    ]
    shown = await shop.gateway.call("GET", f"/webhooks/{shop.endpoints[0]}", key=shop.key)
    # Without a referrer a browser names no origin, and over plain http no site.
    plain = await shop.gateway.client.post(
        path,
        content="status=disabled",
        headers={"content-type": FORM["content-type"], "Origin": "null"},
    )

    assert [one.status_code for one in refused] == [403, 403]
    assert shown.json()["data"]["status"] == "enabled"
    assert plain.status_code == 303


@one_database
async def test_a_cookie_changes_nothing_and_no_api_takes_the_secret(shop: Shop) -> None:
    link = await shop.link()
    plain = await shop.get(link["path"])
    person = await signed_in(shop.gateway, "reader@example.com")
    person.cookies["topup_theme"] = "dark"
    with_cookie = await person.get(link["path"])
    secret = link["path"].rpartition("/")[2]
    by_secret = await shop.gateway.client.get(
        f"{API}/webhooks", headers={"Authorization": f"Bearer {secret}"}
    )

    assert with_cookie.text == plain.text
    assert by_secret.status_code == 401


@one_database
async def test_the_site_chooses_language_and_theme_and_each_address_repeats_them(
    shop: Shop,
) -> None:
    link = await shop.link()
    page = (await shop.get(f"{link['path']}?lang=ar&theme=dark")).text
    odd = (await shop.get(f"{link['path']}?lang=xx&theme=pink")).text
    inside = await shop.get(f"{link['path']}/{shop.endpoints[0]}?lang=ar&status=failed")

    assert 'lang="ar" dir="rtl" data-theme="dark"' in page
    assert f"/{shop.endpoints[0]}?lang=ar&amp;theme=dark" in page
    assert 'lang="en">' in odd
    assert "lang=ar" in inside.text
    assert shop.deliveries[0] in inside.text


@one_database
@pytest.mark.parametrize(
    "origin",
    [
        "http://app.acme.example",
        "https://app.acme.example/path",
        "https://*.acme.example",
        "https://a.example; script-src *",
        "https://a.example https://b.example",
        "https://user@a.example",
        "https://a.example:0",
        "https://a.example:70000",
        "https://[::1]",
        "https://\u0430cme.example",
        "https://a.example\n",
        "javascript:alert(1)",
        "*",
        "null",
        "'self'",
    ],
)
async def test_an_origin_is_one_site_exactly(shop: Shop, origin: str) -> None:
    answer = await shop.gateway.call(
        "POST", "/portal-links", key=shop.key, json={"origins": [origin]}
    )

    assert answer.status_code == 422, answer.text
    assert answer.json()["data"]["error"]["param"].startswith("origins")


@one_database
async def test_origins_are_written_as_browsers_do_and_loopback_is_of_staging_alone(
    shop: Shop,
) -> None:
    link = await shop.link(
        origins=["HTTPS://App.Acme.example:443/", "https://app.acme.example", "http://localhost:80"]
    )
    live = await shop.gateway.key(shop.account_id, "live")
    refused = await shop.gateway.call(
        "POST", "/portal-links", key=live, json={"origins": ["http://localhost:3000"]}
    )

    assert link["origins"] == ["https://app.acme.example", "http://localhost"]
    assert refused.status_code == 422


@one_database
async def test_guesses_are_slowed_down(shop: Shop) -> None:
    found = [(await shop.get(f"/webhook-portal/{number:043}")).status_code for number in range(125)]

    assert found[0] == 404
    assert found[-1] == 429


@one_database
async def test_a_code_that_a_receiver_repeats_is_hidden(gateway: Gateway) -> None:
    account_id = await gateway.account()
    key = await gateway.key(account_id)
    async with receiver(lambda _: (200, 0.0)) as hook, delivering(gateway):
        made = await gateway.call(
            "POST", "/webhooks/register", key=key, json={"url": hook.url, "include_codes": True}
        )
        endpoint_id = made.json()["data"]["id"]
        send = {"platform": "claude", "amount_cents": 1000, "recipient_email": "bob@example.com"}
        sent = (await gateway.call("POST", "/topup/send", key=key, json=send)).json()
        code = sent["data"]["voucher_code"]
        link = await gateway.call("POST", "/portal-links", key=key, json={"can": "manage"})
        path = "/webhook-portal/" + link.json()["data"]["url"].rpartition("/")[2]
        async with asyncio.timeout(30):
            while True:
                found = await gateway.call("GET", "/deliveries?status=delivered", key=key)
                if found.json()["data"]["items"]:
                    break
                await asyncio.sleep(0.02)
        delivery_id = found.json()["data"]["items"][0]["id"]
        page = await gateway.client.get(f"{path}/{endpoint_id}/deliveries/{delivery_id}")
        moved = await gateway.client.post(
            f"{path}/{endpoint_id}",
            content="url=http%3A%2F%2F127.0.0.1%3A9009%2Fmine&description=x",
            headers=FORM,
        )

    assert code in hook.requests[0].body.decode()
    assert page.status_code == 200
    assert code not in page.text
    assert moved.status_code == 403
