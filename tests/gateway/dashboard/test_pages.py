"""The dashboard's pages over real HTTP: what they show, whose things, and what they never let through."""

import pytest

from gateway.dashboard.surface import DASHBOARD, PAGES
from gateway.http.routing import Router
from keys.principal import SCOPES
from tests.support.browser import Browser, csrf_of, signed_in, text_of
from tests.support.gateway import API, Gateway

SEND = {"platform": "claude", "amount": "12.50", "recipient_email": "bob@example.com"}
NASTY = "<script>alert(1)</script>\"'><img src=x>"


async def sent(browser: Browser, **fields: str) -> str:
    """The page of a new top-up."""
    answer = await browser.send("/dashboard/send", {**SEND, "step": "send", **fields})
    assert answer.status_code == 303, text_of(answer.text)
    return answer.headers["location"].partition("?")[0]


async def things_of(browser: Browser) -> dict[str, str]:
    """An id of each kind, by the name that paths have for it."""
    key = await browser.send("/dashboard/keys", {"name": "Agent", "scopes": "topup:send"})
    hook = await browser.send(
        "/dashboard/webhooks", {"url": "http://127.0.0.1:7999/hook", "retry_schedule_s": "0"}
    )
    assert (key.status_code, hook.status_code) == (200, 200)
    topup = await sent(browser)
    held = await browser.send(
        "/dashboard/send", {**SEND, "recipient_email": "approval@sandbox.test", "step": "send"}
    )
    deliveries = (await browser.request("GET", f"{API}/deliveries")).json()["data"]["items"]
    endpoint_id = deliveries[0]["endpoint_id"]
    replay = await browser.send(
        f"/dashboard/webhooks/{endpoint_id}/replay",
        {"step": "begin", "delivery_status": "delivered"},
    )
    lines = "reference,platform,amount_cents,recipient_email\na,claude,1000,bob@example.com\n"
    batch = await browser.send("/dashboard/bulk", {"step": "send", "text": lines})
    keys = (await browser.request("GET", f"{API}/keys")).json()["data"]["items"]
    return {
        "transaction_id": topup.rpartition("/")[2],
        "approval_id": held.headers["location"].rpartition("/")[2],
        "delivery_id": deliveries[0]["id"],
        "endpoint_id": endpoint_id,
        "key_id": keys[0]["id"],
        "replay_id": replay.headers["location"].rpartition("/")[2],
        "batch_id": batch.headers["location"].rpartition("/")[2],
    }


@pytest.mark.one_database
def test_every_page_asks_for_a_session_and_scopes() -> None:
    for resource in Router(PAGES):
        for route in resource.routes.values():
            if resource.surface is DASHBOARD:
                assert route.session_only, resource.template
                assert route.scopes
                assert set(route.scopes) <= set(SCOPES)
            assert not route.takes_key


async def test_every_page_shows_its_own_things(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    ids = await things_of(browser)

    for resource in Router((DASHBOARD,)):
        params = {name: value for name, value in ids.items() if "{" + name in resource.template}
        if "GET" not in resource.routes or resource.template.count("{") > len(params):
            continue
        answer = await browser.request("GET", resource.template.format(**params))

        assert answer.status_code == 200, resource.template
        assert answer.headers["cache-control"] == "no-store"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert " style=" not in answer.text
        # A file to keep is no page.
        is_file = answer.headers.get("content-disposition", "").startswith("attachment")
        assert is_file or "<h1" in answer.text


async def test_nobody_sees_or_changes_the_things_of_others(gateway: Gateway) -> None:
    ids = await things_of(await signed_in(gateway))
    stranger = await signed_in(gateway, "eve@example.com")

    for resource in Router((DASHBOARD,)):
        params = {name: value for name, value in ids.items() if "{" + name in resource.template}
        if not params:
            continue
        for method in resource.routes:
            path = resource.template.format(**params)
            fields = {"name": "Mine", "step": "begin", "outcome": "failed", "status": "disabled"}
            answer = await stranger.request(
                method, path, {"Origin": gateway.url}, data=fields if method == "POST" else None
            )

            # The form again, with the refusal, or the page that nothing is here.
            assert answer.status_code in {404, 422}, (method, path)
            assert "@example.com" not in answer.text


async def test_live_shows_nothing_of_staging(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    ids = await things_of(browser)
    await browser.send("/dashboard/environment", {"to": "live"})

    for place, id_ in (
        ("topups", ids["transaction_id"]),
        ("approvals", ids["approval_id"]),
        ("deliveries", ids["delivery_id"]),
        ("webhooks", ids["endpoint_id"]),
        ("keys", ids["key_id"]),
        ("replays", ids["replay_id"]),
        ("batches", ids["batch_id"]),
    ):
        listed = await browser.request("GET", f"/dashboard/{place}")
        alone = await browser.request("GET", f"/dashboard/{place}/{id_}")

        assert id_ not in listed.text
        assert alone.status_code == 404


@pytest.mark.one_database
async def test_what_people_write_is_never_markup(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    await browser.send("/dashboard/keys", {"name": NASTY, "scopes": "topup:send"})
    await browser.send(
        "/dashboard/webhooks",
        {"url": "http://127.0.0.1:7999/<i>", "description": NASTY, "retry_schedule_s": "0"},
    )
    path = await sent(browser, note=NASTY, reference=NASTY)

    for shown in (
        path,
        "/dashboard",
        "/dashboard/keys",
        "/dashboard/webhooks",
        "/dashboard/topups",
    ):
        html = (await browser.get(shown)).text

        assert "<script>" not in html
        assert "<img" not in html
    assert NASTY in text_of((await browser.get(path)).text)
    for place in ("topups", "deliveries", "approvals", "vouchers", "statement", "wallets"):
        query = "&".join(f"{name}=%3Cimg%20src%3Dx%3E" for name in ("status", "code", "from", "x"))
        answer = await browser.request("GET", f"/dashboard/{place}?{query}&said=%3Cimg%3E")

        assert answer.status_code in {200, 404, 422}
        assert "<img" not in answer.text


async def test_a_form_sent_twice_sends_once(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    first = await sent(browser, once="frm_0000000000000001")
    again = await sent(browser, once="frm_0000000000000001")
    other = await sent(browser, once="frm_0000000000000002")

    assert first == again
    assert other != first
    balance = (await browser.request("GET", f"{API}/topup/balance")).json()["data"]
    assert balance["balance_cents"] == 1_000_000 - 2 * 1250


async def test_a_key_minted_twice_by_one_form_is_one_key(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    fields = {"name": "Agent", "scopes": "topup:send", "per_day_cents": "1,250.5", "once": "frm_1"}

    made = [await browser.send("/dashboard/keys", fields) for _ in range(2)]

    assert made[0].text.partition("secret-value")[2] == made[1].text.partition("secret-value")[2]
    listed = (await browser.request("GET", f"{API}/keys")).json()["data"]["items"]
    assert [one["caps"]["per_day_cents"] for one in listed] == [125_050]
    assert [one["scopes"] for one in listed] == [["topup:send"]]


async def test_checking_a_send_writes_nothing(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    checked = await browser.send("/dashboard/send", {**SEND, "step": "check"})
    answer = await browser.get(checked.headers["location"])

    assert "Balance after $9,987.50" in text_of(answer.text)
    history = (await browser.request("GET", f"{API}/topup/history")).json()["data"]["items"]
    assert history == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"amount": "ten"}, "amount in dollars"),
        ({"amount": "1.234"}, "amount in dollars"),
        ({"amount": ""}, "amount in dollars"),
        ({"amount": "-5"}, "amount in dollars"),
        ({"amount": "0.50"}, "an amount from $1.00 to $1,000.00 for Claude"),
        ({"amount": "999999999999999"}, "to $1,000.00 for Claude"),
        ({"platform": "nothing"}, "platform"),
        ({"recipient_email": "no address"}, "exactly one @"),
        ({"recipient_email": "failed@sandbox.test"}, "would fail"),
        ({"recipient_email": "insufficient@sandbox.test"}, "always simulates an empty wallet"),
    ],
)
async def test_a_bad_send_is_told_and_kept_in_the_form(
    gateway: Gateway, fields: dict[str, str], said: str
) -> None:
    browser = await signed_in(gateway)

    checked = await browser.send("/dashboard/send", {**SEND, "note": "Kept", **fields})
    answer = await browser.get(checked.headers["location"])

    assert 400 <= answer.status_code < 500
    assert said.lower() in text_of(answer.text).lower()
    assert 'value="Kept"' in answer.text


@pytest.mark.one_database
async def test_a_refused_webhook_says_why(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    fields = {"url": "ftp://example.com", "retry_schedule_s": "0 5"}

    refused = await browser.send("/dashboard/webhooks", fields)
    nonsense = await browser.send("/dashboard/webhooks", {**fields, "retry_schedule_s": "soon"})
    header = await browser.send("/dashboard/webhooks", {**fields, "headers": "no colon"})

    assert refused.status_code == 422
    assert "http" in text_of(refused.text)
    assert "Write whole seconds, such as 0 5 30" in text_of(nonsense.text)
    assert "Each line is a header" in text_of(header.text)


@pytest.mark.one_database
async def test_a_link_cannot_put_words_into_the_page(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    known = await browser.get("/dashboard?said=funded")
    unknown = await browser.get("/dashboard?said=Send%20me%20your%20password")

    assert "The test credit is in the wallet." in known.text
    assert "Send me" not in unknown.text


@pytest.mark.one_database
async def test_an_unknown_path_is_a_page_for_browsers_and_our_envelope_for_programs(
    gateway: Gateway,
) -> None:
    browser = await signed_in(gateway)

    for path in ("/nowhere", "/nowhere/at-all.php", "/static/nothing.css", "/docs/nothing"):
        page = await browser.request("GET", path, {"Accept": "text/html,*/*;q=0.8"})
        told = await gateway.client.get(path)

        assert (page.status_code, told.status_code) == (404, 404)
        assert "There is nothing here" in page.text
        assert told.headers["content-type"] == "application/json"
        assert told.headers["x-request-id"]
        body = told.json()
        assert (body["success"], body["code"], body["message"]) == (False, 3003, "Path not found")
        assert list(body) == [
            "success",
            "code",
            "message",
            "transaction_id",
            "status",
            "timestamp",
            "data",
        ]
    inside = await browser.request("GET", "/dashboard/nowhere")
    assert (inside.status_code, "There is nothing here" in inside.text) == (404, True)


@pytest.mark.one_database
async def test_a_method_that_a_page_does_not_take_is_told_in_the_same_two_ways(
    gateway: Gateway,
) -> None:
    told = await gateway.client.post("/healthz")
    page = await gateway.client.post("/docs", headers={"Accept": "text/html"})

    assert (told.status_code, told.json()["code"]) == (405, 4004)
    assert (told.headers["allow"], page.headers["allow"]) == ("GET, HEAD", "GET, HEAD")
    assert page.status_code == 405
    assert "This path takes GET, HEAD" in page.text


@pytest.mark.one_database
async def test_forms_that_no_browser_sends_are_refused(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    own = {"Origin": gateway.url}
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    answers = [
        await browser.request("POST", "/dashboard/send", own, json={"amount": 1}),
        await browser.request("POST", "/dashboard/send", {**own, **form}, content=b"\xff=\xfe"),
        await browser.request("POST", "/dashboard/send", {**own, **form}, content=b"a=1&" * 300),
        await browser.request("POST", "/dashboard/send", {**own, **form}, content=b"amount=%00"),
        await browser.request("POST", "/dashboard/send", {**own, **form}, content=b"a" * 70_000),
        await browser.request("DELETE", "/dashboard/send", own),
    ]

    assert [answer.status_code for answer in answers] == [415, 422, 422, 422, 413, 405]


@pytest.mark.one_database
async def test_a_page_tells_another_environment_by_its_form(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    html = (await browser.get("/dashboard/send")).text
    await browser.send("/dashboard/environment", {"to": "live"})

    answer = await browser.send(
        "/dashboard/send",
        {**SEND, "step": "send", "environment": "staging", "csrf_token": csrf_of(html)},
    )

    assert answer.status_code == 403
    assert "nothing was done" in text_of(answer.text)


@pytest.mark.one_database
async def test_static_files_are_kept_for_ever_by_their_hash(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    html = (await browser.get("/dashboard")).text
    address = html.partition('rel="stylesheet" href="')[2].partition('"')[0]

    kept = await browser.request("GET", address)
    again = await browser.request("GET", address, {"If-None-Match": kept.headers["etag"]})
    older = await browser.request("GET", address.partition("?")[0] + "?v=0")
    unknown = await browser.request("GET", "/static/../app.py")

    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-type"] == "text/css; charset=utf-8"
    assert (again.status_code, again.content) == (304, b"")
    assert older.headers["cache-control"] == "no-cache"
    assert unknown.status_code == 404
