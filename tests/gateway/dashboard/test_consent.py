"""The consent page: what it shows, where it sends a browser, and where it never does."""

import base64
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx
import pytest
import pytest_asyncio

from keys.oauth import app as oauth_app
from tests.support.browser import PASSWORD, Browser, new_browser, signed_in, text_of
from tests.support.gateway import Gateway
from tests.support.oauth_agreement import REDIRECT, Agreement, agree

pytestmark = pytest.mark.one_database

PATH = "/next/v1/oauth"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest_asyncio.fixture
async def agreed(gateway: Gateway) -> Agreement:
    return await agree(gateway, email="nobody@example.com")


@pytest_asyncio.fixture
async def browser(gateway: Gateway) -> Browser:
    return await signed_in(gateway)


def asked(agreed: Agreement, **fields: Any) -> dict[str, str]:
    """The address's parameters; None leaves one out."""
    given = {
        "response_type": "code",
        "client_id": agreed.app.id,
        "redirect_uri": REDIRECT,
        "scope": agreed.app.scope,
        "state": "EXAMPLE_STATE",
        **fields,
    }
    return {name: value for name, value in given.items() if value is not None}


def hidden(html: str) -> dict[str, str]:
    """The fields of the page's form, as a browser would send them."""
    form = html[html.index('action="/next/v1/oauth"') :]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return {unescape(name): unescape(value) for name, value in found}


async def open_page(browser: Browser, agreed: Agreement, **fields: Any) -> httpx.Response:
    return await browser.request("GET", f"{PATH}?{urlencode(asked(agreed, **fields))}")


async def decide(
    browser: Browser, agreed: Agreement, decision: str = "allow", **fields: Any
) -> httpx.Response:
    """Opens the page and presses one of its buttons."""
    page = await open_page(browser, agreed, **fields)
    assert page.status_code == 200, text_of(page.text)
    return await browser.send(PATH, {**hidden(page.text), "decision": decision}, headers={})


async def test_it_shows_who_asks_for_what(browser: Browser, agreed: Agreement) -> None:
    page = await open_page(browser, agreed)

    text = text_of(page.text)
    for told in (
        "Wiki bot",
        "Read your name, your email address and your balance",
        "Charge your wallet, up to the limit below",
        "Make orders",
        "$10.00 in each calendar month",
        "app.example.com",
        "staging",
        "Developer Test",
        "ann@example.com",
    ):
        assert told in text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-frame-options"] == "DENY"
    assert "form-action 'self' https://app.example.com;" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


async def test_the_first_step_of_the_ladder_speaks_of_no_charge(
    gateway: Gateway, browser: Browser
) -> None:
    agreed = await agree(gateway, scope="general_api_access", email="x@example.com")

    text = text_of((await open_page(browser, agreed)).text)

    assert "Charge" not in text


async def test_allow_leads_to_a_token(browser: Browser, agreed: Agreement) -> None:
    answer = await decide(browser, agreed, state="a&b=c/é")

    assert answer.status_code == 303
    target = urlsplit(answer.headers["location"])
    query = parse_qs(target.query)
    assert f"{target.scheme}://{target.netloc}{target.path}" == REDIRECT
    assert query["state"] == ["a&b=c/é"]
    assert query["iss"] == [browser.gateway.url]
    assert len(query["code"][0]) == 16
    issued = await agreed.issue(code=query["code"][0])
    assert issued.status_code == 200
    info = await agreed.post("/user/oauth/user-info", token=issued.json()["data"]["token"])
    assert info.json()["data"]["email"] == "ann@example.com"


async def test_deny_leads_back_without_a_code(browser: Browser, agreed: Agreement) -> None:
    answer = await decide(browser, agreed, "deny")

    assert answer.headers["location"] == (
        f"{REDIRECT}?error=access_denied&state=EXAMPLE_STATE&iss={quote(browser.gateway.url, safe='')}"
    )


async def test_a_template_is_filled_in(browser: Browser, agreed: Agreement) -> None:
    # The vendor's published example: ?code={code}&state={state}&tgid=114514
    template = "P2NvZGU9e2NvZGV9JnN0YXRlPXtzdGF0ZX0mdGdpZD0xMTQ1MTQ="

    answer = await decide(browser, agreed, redirect_template=template)

    target = answer.headers["location"]
    assert re.fullmatch(
        re.escape(REDIRECT) + r"\?code=[0-9A-Za-z]{16}&state=EXAMPLE_STATE&tgid=114514", target
    )


async def test_a_challenge_travels_with_the_code(browser: Browser, agreed: Agreement) -> None:
    answer = await decide(browser, agreed, code_challenge=CHALLENGE, code_challenge_method="S256")
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    assert (await agreed.issue(code=code)).status_code == 400
    assert (await agreed.issue(code=code, code_verifier=VERIFIER)).status_code == 200


async def test_whoever_is_signed_out_signs_in_and_comes_back(
    gateway: Gateway, browser: Browser, agreed: Agreement
) -> None:
    stranger = new_browser(gateway)

    sent = await open_page(stranger, agreed)
    form = await stranger.get(sent.headers["location"])
    back = unescape(re.findall(r'name="next" value="([^"]*)"', form.text)[-1])
    entered = await stranger.send(
        "/sign-in", {"email": "ann@example.com", "password": "correct horse battery", "next": back}
    )
    page = await stranger.get(entered.headers["location"])

    assert sent.status_code == 303
    assert "Wiki bot wants to act for you" in text_of(page.text)
    assert browser.session != stranger.session


async def test_a_key_cannot_consent(gateway: Gateway, agreed: Agreement) -> None:
    key = await gateway.key(agreed.user_id)

    answer = await gateway.client.post(
        PATH,
        data={**asked(agreed), "decision": "allow"},
        headers={"Authorization": f"Bearer {key}"},
    )

    assert answer.headers["location"] == "/sign-in?said=not-signed-in"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
    ],
)
async def test_another_sites_form_grants_nothing(
    browser: Browser, agreed: Agreement, headers: dict[str, str]
) -> None:
    answer = await browser.send(PATH, {**asked(agreed), "decision": "allow"}, headers=headers)

    assert answer.status_code == 403
    assert "location" not in answer.headers


BAD: list[dict[str, str | None]] = [
    {"client_id": "app_0000000000000000"},
    {"client_id": None},
    {"client_id": "' OR 1=1"},
    {"redirect_uri": None},
    {"redirect_uri": "https://app.example.com/cb/../x"},
    {"redirect_uri": "https://evil.example/cb"},
    {"redirect_uri": "https://app.example.com@evil.example/cb"},
    {"redirect_uri": "https://evil.app.example.com/cb"},
    {"redirect_uri": "https://app.example.com.evil.example/cb"},
    {"redirect_uri": "https://APP.example.com/cb"},
    {"redirect_uri": "https://app.example.com:8443/cb"},
    {"redirect_uri": "https://app.example.com/cb#x"},
    {"redirect_uri": "https://app.example.com/%2f%2fevil.example"},
    {"redirect_uri": "https://app.example.com/cb\r\nX: y"},
    {"redirect_uri": "https://app.example.com\\@evil.example/"},
    {"redirect_uri": "http://app.example.com/cb"},
    {"redirect_uri": "https://app.example.com/?code=mine"},
    {"redirect_uri": "javascript:alert(1)"},
    {"redirect_uri": "https://evil.example/next/v1/oauth/succeed"},
    {"state": "x" * 513},
    {"state": "a\x00b"},
    {"redirect_template": "?code={code}"},
    {
        "redirect_uri": "https://app.example.com",
        "redirect_template": base64.b64encode(b"@evil.example/{code}").decode(),
    },
    {"redirect_template": base64.b64encode(b"/nothing").decode()},
]


# In halves: thirty answers are counted in a minute, whatever they say.
@pytest.mark.parametrize("half", [BAD[::2], BAD[1::2]])
async def test_what_is_wrong_is_said_here_and_sent_nowhere(
    browser: Browser, agreed: Agreement, half: list[dict[str, str | None]]
) -> None:
    for fields in half:
        page = await open_page(browser, agreed, **fields)
        sent = await browser.send(PATH, {**asked(agreed, **fields), "decision": "allow"})

        for answer in (page, sent):
            assert answer.status_code == 422, (fields, answer.status_code)
            assert "location" not in answer.headers
            assert "evil.example" not in answer.headers.get("content-security-policy", "")
        assert "<script" not in page.text.replace('<script src="/static', "")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"redirect_uri": "https://evil.example/"}, "<p>redirect_uri is not on the app"),
        (
            {"state": "x" * 513},
            "<p>`state` can have at most 512 characters. Send a shorter one.</p>",
        ),
        ({"redirect_template": "{code}"}, "<p>redirect_template is not base64 of ASCII text</p>"),
        ({"redirect_template": base64.b64encode(b"/x").decode()}, "<p>redirect_template has no {"),
        (
            {"redirect_template": base64.b64encode(b"#{code}").decode()},
            "<p>redirect_template makes a URL that is not a plain absolute URL",
        ),
        ({"state": "a\x00b"}, "<p>state contains control characters.</p>"),
        ({"client_id": "app_0"}, "<p>No app has this client_id.</p>"),
    ],
)
async def test_the_parameter_that_is_wrong_is_named_as_it_is_spelled(
    browser: Browser, agreed: Agreement, fields: dict[str, str | None], said: str
) -> None:
    assert said in (await open_page(browser, agreed, **fields)).text


async def test_a_parameter_that_comes_twice_is_refused(browser: Browser, agreed: Agreement) -> None:
    query = urlencode(asked(agreed)) + "&redirect_uri=https%3A%2F%2Fevil.example"

    assert (await browser.request("GET", f"{PATH}?{query}")).status_code == 422


async def test_neither_button_is_no_answer(browser: Browser, agreed: Agreement) -> None:
    page = await open_page(browser, agreed)

    for decision in ("", "maybe"):
        answer = await browser.send(PATH, {**hidden(page.text), "decision": decision})
        assert answer.status_code == 422


async def test_a_disabled_app_asks_nobody(browser: Browser, agreed: Agreement) -> None:
    page = await open_page(browser, agreed)
    await disable(agreed)

    assert (await open_page(browser, agreed)).status_code == 422
    sent = await browser.send(PATH, {**hidden(page.text), "decision": "allow"})
    assert sent.status_code == 422


async def test_too_many_answers_in_a_minute_are_refused(
    browser: Browser, agreed: Agreement
) -> None:
    fields = hidden((await open_page(browser, agreed)).text)

    statuses: list[int] = []
    # One of thirty comes back each two seconds, so that a slow machine may give some more.
    while 429 not in statuses and len(statuses) < 300:
        statuses.append((await browser.send(PATH, {**fields, "decision": "allow"})).status_code)

    assert set(statuses[:30]) == {303}
    assert statuses[-1] == 429


async def test_markup_in_a_name_is_shown_as_it_is(gateway: Gateway, browser: Browser) -> None:
    agreed = await agree(gateway, name="<img src=x onerror=alert(1)>", email="x@example.com")

    page = await open_page(browser, agreed, state='"><script>alert(1)</script>')

    assert "<img" not in page.text
    assert "<script>alert" not in page.text
    assert "<img src=x onerror=alert(1)> wants to act for you" in text_of(page.text)


async def test_the_page_of_one_environment_grants_for_the_apps_own(
    gateway: Gateway, browser: Browser
) -> None:
    agreed = await agree(gateway, environment="live", email="x@example.com")
    await browser.send("/dashboard/confirm", {"password": PASSWORD})

    answer = await decide(browser, agreed)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    token = (await agreed.issue(code=code)).json()["data"]["token"]

    info = (await agreed.post("/user/oauth/user-info", token=token)).json()["data"]
    assert info["environment"] == "live"


async def test_an_app_of_live_is_let_in_with_the_password_alone(
    gateway: Gateway, browser: Browser
) -> None:
    """A stolen cookie would have had a token of ninety days, from staging's pages too."""
    agreed = await agree(gateway, environment="live", email="x@example.com")
    fields = asked(agreed, state="a b&c=d")

    shown = await open_page(browser, agreed, state="a b&c=d")
    forged = await browser.send(PATH, {**fields, "decision": "allow"})
    denied = await browser.send(PATH, {**fields, "decision": "deny"})
    back = parse_qs(urlsplit(shown.headers["location"]).query)["next"][0]
    given = await browser.send("/dashboard/confirm", {"password": PASSWORD, "next": back})
    page = await browser.request("GET", given.headers["location"])
    answer = await browser.send(PATH, {**hidden(page.text), "decision": "allow"})

    assert [shown.status_code, forged.status_code] == [303, 303]
    assert shown.headers["location"].startswith("/dashboard/confirm?next=%2Fnext%2Fv1%2Foauth%3F")
    assert forged.headers["location"] == shown.headers["location"]
    assert "error=access_denied" in denied.headers["location"]
    landed = parse_qs(urlsplit(answer.headers["location"]).query)
    assert landed["state"] == ["a b&c=d"]
    assert len(landed["code"][0]) == 16


# The page that shows the code


async def test_our_own_page_shows_the_code(browser: Browser, agreed: Agreement) -> None:
    own = f"{browser.gateway.url}/next/v1/oauth/succeed"

    shown = await open_page(browser, agreed, redirect_uri=own)
    answer = await decide(browser, agreed, redirect_uri=own)
    target = urlsplit(answer.headers["location"])
    code = parse_qs(target.query)["code"][0]
    page = await browser.get(f"{target.path}?{target.query}")

    assert "a page of this gateway that shows you a code" in text_of(shown.text)
    assert f'<code id="code">{code}</code>' in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert (await agreed.issue(code=code)).status_code == 200


async def test_our_own_page_takes_no_template_and_no_other_path(
    browser: Browser, agreed: Agreement
) -> None:
    own = f"{browser.gateway.url}/next/v1/oauth/succeed"
    template = base64.b64encode(b"/../../../dashboard?code={code}").decode()

    for fields in (
        {"redirect_uri": own, "redirect_template": template},
        {"redirect_uri": f"{own}/"},
        {"redirect_uri": f"{own}?x=y"},
        {"redirect_uri": f"{browser.gateway.url}/dashboard"},
    ):
        assert (await open_page(browser, agreed, **fields)).status_code == 422


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "There is no code here"),
        ("code=", "There is no code here"),
        ("code=<script>alert(1)</script>", "There is no code here"),
        ("code=" + "x" * 17, "There is no code here"),
        ("error=access_denied&state=x", "Denied"),
    ],
)
async def test_what_is_no_code_is_not_shown(gateway: Gateway, query: str, told: str) -> None:
    page = await gateway.client.get(f"{PATH}/succeed?{query}")

    assert page.status_code == 200
    assert told in text_of(page.text)
    assert "alert(1)" not in page.text


async def disable(agreed: Agreement) -> None:
    context = agreed.gateway.context
    await context.database.transaction(
        lambda tx: oauth_app.disable(tx, agreed.app.owner, agreed.app.id, now_us=1)
    )
