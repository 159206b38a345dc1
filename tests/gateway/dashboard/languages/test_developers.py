"""The developers' pages in Arabic: with and without what they list, in live, and with what they refuse."""

import asyncio
import re
from collections.abc import Sequence

import pytest

from gateway.html.language import ROOMS, page_languages
from tests.support.browser import Browser, browser_account, in_live, signed_in
from tests.support.gateway import API, Gateway
from tests.support.gateway_worker import delivering
from tests.support.other_language import Visit, arabic, english_in, not_arabic
from tests.support.recording_receiver import receiver
from webhooks.certification.checks import (
    CHECKS,
    judge_refused,
    judge_repeated_by_stranger,
    judge_speed,
    judge_taken,
    judge_unknown_type,
)
from webhooks.certification.trial import Answered, Seen

pytestmark = pytest.mark.one_database

KEYS, HOOKS, APPS = "/dashboard/keys", "/dashboard/webhooks", "/dashboard/apps"
SEND = {"platform": "claude", "amount_cents": 1000, "recipient_email": "bob@example.com"}
LIMITED = {
    "name": "Support agent",
    "purpose": "Answers tickets",
    "scopes": ["topup:send", "topup:read", "keys:write"],
    "per_day_cents": 1000,
    "lifetime_cents": 9000,
    "max_sends_per_hour": 5,
    "windows": [{"seconds": 3600, "cents": 8000}],
}
# What a key's form takes wrongly, field by field, in as many forms as it has mistakes.
WRONG_KEY = {
    "name": "",
    "scopes": "topup:send",
    "ip_allow_list": "10.0.0.1/8",
    "recipients": "nobody",
    "windows.seconds": "an hour",
    "per_call_cents": "much",
    "per_day_cents": "99999999999",
    "max_sends_per_hour": "many",
    "repeat_guard_s": "99999999",
    "expires_at": "2020-01-01",
}
GOOD_APP = {
    "name": "My app",
    "redirect_uris": "https://app.example.com/callback",
    "scope": "general_api_access",
    "cap": "10",
    "cap_period": "month",
}
GOOD_HOOK = {"url": "http://127.0.0.1:9/hook", "retry_schedule_s": "0 5"}


async def test_pages_that_list_nothing_are_whole_in_arabic(gateway: Gateway) -> None:
    browser = arabic(await signed_in(gateway))
    places = ("keys", "webhooks", "deliveries", "replays", "requests", "apps")

    visits = [Visit(f"{place}.html", f"/dashboard/{place}") for place in places]
    visits += [
        Visit("keys.html", f"{KEYS}?from=50"),
        Visit("keys_all.html", f"{KEYS}/all"),
        Visit("key_first.html", f"{KEYS}/first"),
        *(
            Visit("key_new.html", f"{KEYS}/new{preset}")
            for preset in (
                "",
                "?preset=agent",
                "?preset=reader",
                "?preset=checkout",
                "?preset=robot",
            )
        ),
        Visit("webhook_new.html", f"{HOOKS}/new"),
        Visit("deliveries.html", "/dashboard/deliveries?status=failed"),
        Visit("deliveries.html", "/dashboard/deliveries?status=odd&created_after=2026-01-01"),
        Visit("requests.html", "/dashboard/requests?code=2002"),
        Visit("requests.html", "/dashboard/requests?code=odd"),
        Visit("requests.html", "/dashboard/requests?outcome=odd"),
        Visit("requests.html", "/dashboard/requests?request_id=ا"),
        Visit("deliveries.html", "/dashboard/deliveries/replay", {}),
        Visit("deliveries.html", "/dashboard/deliveries/replay", {"delivery": "dlv_0"}),
    ]

    assert await not_arabic(browser, visits) == []


async def test_keys_and_apps_are_whole_in_arabic(gateway: Gateway) -> None:
    browser = arabic(await signed_in(gateway))
    key = await gateway.key(await browser_account(browser), name="Checkout")
    made = (await gateway.call("POST", "/keys", key=key, json=LIMITED)).json()["data"]
    mine = {"name": "Child", "scopes": ["topup:send"]}
    child = await gateway.call("POST", "/keys", key=made["key"], json=mine)
    await gateway.call("POST", "/topup/send", key=made["key"], json=SEND)
    one, below = f"{KEYS}/{made['id']}", f"{KEYS}/{child.json()['data']['id']}"
    wide = {"name": "Child", "scopes": "topup:send"}
    visits = [
        Visit("keys.html", KEYS),
        Visit("key.html", one),
        Visit("key.html", below),
        *(Visit("key.html", f"{one}?said=key-{turn}") for turn in ("saved", "paused", "resumed")),
        Visit("key_new.html", KEYS, WRONG_KEY),
        Visit("key_new.html", KEYS, wide | {"name": "a" * 101, "ip_allow_list": "1 " * 101}),
        Visit("key_new.html", KEYS, wide | {"platforms": "cloud"}),
        Visit("key_new.html", KEYS, wide | {"platforms": "zzz", "purpose": "a" * 2000}),
        Visit("key_new.html", KEYS, wide | {"windows.seconds": "1s", "windows.cents": "1"}),
        Visit("key_new.html", KEYS, {"name": "Child"}),
        Visit("key_new.html", KEYS, wide | {"preset": "agent", "repeat_guard_s": "soon"}),
        Visit("key_new.html", KEYS, wide | {"windows.seconds": "1h", "windows.cents": "much"}),
        Visit("key_new.html", KEYS, wide | {"windows.seconds": "1h"}),
        Visit("key_made.html", KEYS, wide),
        Visit("key.html", one, WRONG_KEY),
        Visit("key.html", below, wide | {"per_day_cents": "11", "lifetime_cents": "91"}),
        Visit("key.html", below, wide | {"max_sends_per_hour": "6", "scopes": "usage:read"}),
        Visit("key_made.html", f"{one}/rotate", {"overlap_s": "0"}),
        Visit("apps.html", APPS, GOOD_APP | {"name": "", "cap": "99999999999"}),
        *(
            Visit("apps.html", APPS, GOOD_APP | {"redirect_uris": uri})
            for uri in ("", "here", "http://a.example/b", "https://a.example//b")
        ),
        *(
            Visit("apps.html", APPS, GOOD_APP | {"redirect_host": host})
            for host in ("ا.example", "a b", "a.example:99999")
        ),
        Visit("apps.html", APPS, GOOD_APP | {"redirect_host": "a.example", "is_public": "yes"}),
        Visit("app_secret.html", APPS, GOOD_APP),
        Visit("app_secret.html", APPS, GOOD_APP | {"is_public": "yes"}),
        Visit("apps.html", f"{APPS}?said=app-disabled"),
    ]

    wrong = await not_arabic(browser, visits)
    for turn in ("pause", "revoke"):
        await browser.send(f"{below}/{turn}", {})
    ended = [
        Visit("key.html", below),
        Visit("key.html", f"{below}/rotate", {"overlap_s": "0"}),
        Visit("keys_all.html", f"{KEYS}/all?said=key-revoked"),
    ]

    assert wrong + await not_arabic(browser, ended) == []


async def test_a_live_key_is_ended_in_arabic_by_its_name(gateway: Gateway) -> None:
    browser = arabic(await in_live(await signed_in(gateway)))
    await gateway.key(await browser_account(browser), "live", name="Shop 7")
    (key,) = (await browser.request("GET", f"{API}/keys")).json()["data"]["items"]
    page = f"{KEYS}/{key['id']}"
    visits = [
        Visit("key.html", page),
        Visit("key_new.html", f"{KEYS}/new"),
        Visit("key_new.html", KEYS, {"name": "a", "scopes": "topup:send", "password": "wrong"}),
        Visit("apps.html", APPS),
        Visit("apps.html", APPS, GOOD_APP | {"password": "wrong"}),
        Visit("key.html", f"{page}/revoke", {"revoke_name": "Shop"}),
        Visit("key.html", f"{page}/rotate", {"overlap_s": "0", "rotate_name": ""}),
    ]

    assert await not_arabic(browser, visits) == []
    ended = await browser.send(f"{page}/revoke", {"revoke_name": "Shop 7"})
    assert ended.headers["location"] == f"{KEYS}?said=key-revoked"


async def test_webhooks_and_what_they_were_sent_are_whole_in_arabic(gateway: Gateway) -> None:
    browser = arabic(await signed_in(gateway))
    key = await gateway.key(await browser_account(browser), name="Checkout")
    async with receiver(lambda number: (200 if number else 500, 0.0)) as hook, delivering(gateway):
        body = {"url": hook.url, "retry_schedule_s": [0], "headers": {"X-Team": "billing"}}
        made = await gateway.call("POST", "/webhooks/register", key=key, json=body)
        endpoint = made.json()["data"]["id"]
        for number in (1, 2):
            await gateway.call("POST", "/topup/send", key=key, json=SEND)
            await until_settled(gateway, key, endpoint, number)
        bad = await gateway.call("POST", "/topup/send", key=key, json={"platform": "claude"})
        page = f"{HOOKS}/{endpoint}"
        begun = await browser.send(f"{page}/replay", {"step": "begin", "delivery_status": "failed"})
        visits = [
            *await portal_visits(gateway, key, page, await delivery_ids(browser)),
            *sent_visits(page, await delivery_ids(browser), begun.headers["location"]),
            *refused_visits(page),
            *request_visits(await logged_ids(gateway, browser)),
        ]
        wrong = await not_arabic(browser, visits)
        await browser.send(f"{page}/status", {"status": "disabled"})
        wrong += await not_arabic(browser, [Visit("webhook.html", page)])

    assert bad.status_code == 422
    assert wrong == []
    seen = {one.template for one in visits} | {"webhook_new.html", "keys.html", "keys_all.html"}
    keys = {"key.html", "key_first.html", "key_new.html", "key_made.html"}
    assert seen | keys | {"apps.html", "app_secret.html"} == ROOMS["developers"]


async def portal_visits(
    gateway: Gateway, key: str, page: str, deliveries: Sequence[str]
) -> list[Visit]:
    links, endpoint = "/dashboard/portal-links", page.rpartition("/")[2]
    good = {"name": "Acme", "can": "replay", "origins": "https://a.example", "expires_in_s": "3600"}
    site = []
    for can in ("manage", "read"):
        made = await gateway.call("POST", "/portal-links", key=key, json={"can": can})
        site.append("/webhook-portal/" + made.json()["data"]["url"].rpartition("/")[2])
    ended = await gateway.call("POST", "/portal-links", key=key, json={})
    await gateway.call("DELETE", f"/portal-links/{ended.json()['data']['id']}", key=key)
    site.append("/webhook-portal/" + ended.json()["data"]["url"].rpartition("/")[2])
    inside = f"{site[0]}/{endpoint}"
    return [
        Visit("portal_links.html", links),
        Visit("portal_links.html", links, good),
        Visit("portal_links.html", links, good | {"name": "", "origins": ""}),
        Visit("portal_links.html", f"{links}?said=portal-link-revoked"),
        Visit("portal_webhooks.html", f"{site[0]}?lang=ar"),
        Visit("portal_webhook.html", f"{inside}?lang=ar"),
        Visit("portal_webhook.html", f"{inside}?lang=ar&status=failed&created_after=2026-01-01"),
        Visit("portal_webhook.html", f"{inside}?lang=ar&status=cancelled"),
        Visit("portal_webhook.html", f"{inside}/test?lang=ar", {"event": "endpoint.test"}),
        Visit("portal_webhook.html", f"{site[1]}/{endpoint}?lang=ar"),
        *(
            Visit("portal_delivery.html", f"{inside}/deliveries/{one}?lang=ar")
            for one in deliveries
        ),
        Visit("portal_message.html", f"{site[2]}?lang=ar"),
        Visit("portal_message.html", f"{inside}/deliveries/dlv_0?lang=ar"),
        Visit("portal_message.html", f"{site[1]}/{endpoint}/test?lang=ar", {"event": "x"}),
    ]


def sent_visits(page: str, deliveries: Sequence[str], replay: str) -> list[Visit]:
    again = {"step": "count", "delivery_status": "failed", "since": "2020-01-01"}
    return [
        Visit("webhooks.html", f"{HOOKS}?said=endpoint-deleted"),
        Visit("webhook.html", f"{page}?said=endpoint-saved"),
        Visit("webhook.html", f"{page}?said=endpoint-disabled"),
        Visit("webhook.html", f"{page}?said=endpoint-enabled"),
        Visit("webhook.html", f"{page}/test", {"event": "endpoint.test"}),
        Visit("webhook.html", f"{page}/replay", again | {"like": deliveries[-1]}),
        Visit("webhook.html", f"{page}/replay", {"step": "count", "delivery_status": "delivered"}),
        Visit("webhook_made.html", f"{page}/rotate", {"overlap_s": "0"}),
        Visit("webhook_made.html", HOOKS, GOOD_HOOK),
        Visit("webhook_certify.html", f"{page}/certify"),
        *(
            Visit("deliveries.html", f"/dashboard/deliveries?said={said}")
            for said in ("replayed", "replayed-several")
        ),
        *(Visit("delivery.html", f"/dashboard/deliveries/{one}") for one in deliveries),
        Visit("delivery.html", f"/dashboard/deliveries/{deliveries[0]}?said=delivery-cancelled"),
        Visit("list.html", "/dashboard/replays"),
        *(
            Visit("replay.html", f"{replay}?said=replay-{said}")
            for said in ("paused", "resumed", "cancelled")
        ),
    ]


def refused_visits(page: str) -> list[Visit]:
    """A receiver that takes nothing is tried, too: it is no part of the deliveries above."""
    urls = (
        "x",
        "ftp://a.example",
        "https://a@a.example",
        "https://a.example/#b",
        "https://a/b c",
        "https://a.example:x",
        "https://a.example:22",
        "https://-.example",
        "https://1.2.3.4.5",
    )
    lines = ("no header", "Content-Type: x", "a_b: c", "A: b\na: c", f"A: {'b' * 5000}", "A" * 40)
    return [
        *(Visit("webhook_new.html", HOOKS, GOOD_HOOK | {"url": url}) for url in ("", *urls)),
        *(Visit("webhook_new.html", HOOKS, GOOD_HOOK | {"headers": one}) for one in lines),
        *(
            Visit("webhook_new.html", HOOKS, GOOD_HOOK | {"retry_schedule_s": waits})
            for waits in ("soon", "0 " * 21, "9999999")
        ),
        Visit(
            "webhook.html", page, {**GOOD_HOOK, "rate_limit_per_s": "0", "description": "a" * 999}
        ),
        Visit("webhook.html", f"{page}/replay", {"delivery_status": "failed", "rate_per_s": "0"}),
        Visit(
            "webhook.html", f"{page}/replay", {"delivery_status": "failed", "since": "2999-01-01"}
        ),
        Visit("webhook_certify.html", f"{page}/certify", {"effects_url": "x"}),
    ]


def request_visits(rows: Sequence[str]) -> list[Visit]:
    return [
        Visit("requests.html", "/dashboard/requests"),
        *(Visit("request.html", f"/dashboard/requests/{row}") for row in rows),
    ]


async def until_settled(gateway: Gateway, key: str, endpoint: str, number: int) -> None:
    async with asyncio.timeout(30):
        while True:
            answer = await gateway.call("GET", f"/webhooks/{endpoint}/health", key=key)
            health = answer.json()["data"]
            if health["failed"] + health["delivered"] == number:
                return
            await asyncio.sleep(0.02)


async def delivery_ids(browser: Browser) -> list[str]:
    listed = await browser.request("GET", f"{API}/deliveries")
    return [one["id"] for one in listed.json()["data"]["items"]]


async def logged_ids(gateway: Gateway, browser: Browser) -> list[str]:
    await gateway.context.request_log.flush()
    listed = await browser.get("/dashboard/requests")
    return list(dict.fromkeys(re.findall(r"rql_\w{16}", listed.text)))


def test_what_a_receivers_checks_saw_is_said_in_arabic() -> None:
    yes, no, broken = (Answered(status, None, 0.1) for status in (200, 400, 500))
    silent = [
        Answered(None, error, 0.1)
        for error in (None, "timeout", "connect", "tls", "address", "protocol")
    ]
    forged = ("an unsigned request", "a request signed with another secret")
    judged = [
        *(judge_taken(Seen([one], None), unit=1) for one in (yes, broken, *silent)),
        judge_taken(Seen([no, yes], None), unit=1),
        *(judge_taken(Seen([yes], moved), unit=1) for moved in (0, 1, 2)),
        *(judge_taken(Seen([yes], None), times=n, unit=1, is_repeated=True) for n in (1, 20)),
        *(judge_refused(Seen([one], None), what=forged[0]) for one in (yes, no, broken, *silent)),
        *(judge_refused(Seen([yes], moved), what=forged[1]) for moved in (0, 1)),
        judge_unknown_type(Seen([yes], 1)),
        *(judge_repeated_by_stranger(Seen([yes], moved)) for moved in (None, 0, 1)),
        *(judge_speed([yes], timeout_s=timeout_s) for timeout_s in (0.1, 10)),
    ]
    arabic_language = page_languages()["ar"]

    said = [arabic_language.say(one.detail) for one in judged]
    titles = [arabic_language.say(check.title) for check in CHECKS]

    assert [one for one in (*said, *titles) if english_in(one)] == []
