"""A command line is logged in by a person's browser: once, by whoever compared the code, and by nobody else."""

import asyncio
import json
import re
from html import unescape
from typing import Any

import httpx
import pytest

from kernel.clock import FixedClock
from keys.tokens import device_login
from keys.tokens.device_login import USER_CODE_LETTERS
from tests.support.browser import PASSWORD, Browser, browser_account, signed_in, text_of
from tests.support.gateway import Gateway

PATH = "/dashboard/cli"
SCOPES = ["topup:send", "topup:read"]


async def begun(gateway: Gateway, name: str = "ann's laptop") -> dict[str, Any]:
    answer = await gateway.call("POST", "/cli/login", json={"name": name})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


async def polled(gateway: Gateway, login: dict[str, Any]) -> httpx.Response:
    return await gateway.call(
        "POST", "/cli/login/token", json={"device_code": login["device_code"]}
    )


async def decided(
    browser: Browser, login: dict[str, Any], decision: str = "allow", **fields: Any
) -> httpx.Response:
    """The page's own form, filled in and sent."""
    html = (await browser.get(f"{PATH}?code={login['user_code']}")).text
    form = html[html.index(f'action="{PATH}"') :]
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    given = {unescape(name): unescape(value) for name, value in hidden}
    given |= {"target": "staging", "life_days": "90", "is_own": "1", "decision": decision}
    return await browser.send(PATH, {**given, "scopes": SCOPES, **fields}, headers={})


async def test_a_person_compares_allows_and_the_machine_gets_its_key_once(
    gateway: Gateway,
) -> None:
    browser = await signed_in(gateway)
    login = await begun(gateway)
    shown = text_of((await browser.get(f"{PATH}?code={login['user_code']}")).text)
    pending = await polled(gateway, login)
    allowed = await decided(browser, login)
    answers = await asyncio.gather(*(polled(gateway, login) for _ in range(8)))
    late = await decided_again(browser, login)

    made = [one.json()["data"] for one in answers if one.status_code == 201]
    refused = [one for one in answers if one.status_code != 201]
    assert login["verification_url_complete"].endswith(f"{PATH}?code={login['user_code']}")
    assert login["user_code"] in shown
    assert "ann's laptop" in shown
    assert "the same as this browser's" in shown
    assert pending.status_code == 202
    assert pending.json()["data"]["reason"] == "authorization_pending"
    assert allowed.status_code == 200
    assert [(one["name"], one["scopes"]) for one in made] == [("topup on ann's laptop", SCOPES)]
    assert made[0]["expires_at"] is not None
    assert {one.json()["data"]["error"]["reason"] for one in refused} == {"expired_token"}
    assert late == 422
    own = await gateway.call("GET", "/keys/self", key=made[0]["key"])
    assert own.json()["data"]["id"] == made[0]["id"]


async def decided_again(browser: Browser, login: dict[str, Any]) -> int:
    return (await browser.get(f"{PATH}?code={login['user_code']}")).status_code


@pytest.mark.one_database
async def test_a_refusal_is_told_and_makes_no_key(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    login = await begun(gateway)
    refused = await decided(browser, login, "deny")
    answer = await polled(gateway, login)

    assert refused.status_code == 200
    assert answer.status_code == 403
    assert answer.json()["data"]["error"]["reason"] == "access_denied"
    assert answer.json()["data"]["error"]["retryable"] is False
    assert await keys_of(gateway) == 0


@pytest.mark.one_database
async def test_live_wants_the_password_and_an_account_with_live(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    login = await begun(gateway)
    without = await decided(browser, login, target="live")
    wrong = await decided(browser, login, target="live", password="guess")
    unchanged = await polled(gateway, login)
    right = await decided(browser, login, target="live", password=PASSWORD)
    key = (await polled(gateway, login)).json()["data"]
    staging_only = await signed_in(gateway, "bob@example.com", has_live=False)
    other = await begun(gateway)
    closed = await decided(staging_only, other, target="live", password=PASSWORD)

    assert without.status_code == 403
    assert "Live needs it again." in text_of(without.text)
    assert wrong.status_code == 401
    assert unchanged.status_code == 202
    assert right.status_code == 200
    assert key["environment"] == "live"
    assert key["key"].startswith("ak_live_")
    assert closed.status_code == 403
    assert "Live isn't open" in text_of(closed.text)


@pytest.mark.one_database
@pytest.mark.parametrize(
    "fields",
    [
        {"is_own": ""},
        {"scopes": []},
        {"scopes": ["admin"]},
        {"target": "moon"},
        {"life_days": "100000"},
        {"decision": ""},
    ],
)
async def test_a_form_that_says_too_much_or_too_little_gives_nothing(
    gateway: Gateway, fields: dict[str, Any]
) -> None:
    browser = await signed_in(gateway)
    login = await begun(gateway)

    assert (await decided(browser, login, **fields)).status_code == 422
    assert (await polled(gateway, login)).status_code == 202
    assert await keys_of(gateway) == 0


@pytest.mark.fixed_clock
async def test_who_polls_too_fast_waits_longer_and_codes_end(
    gateway: Gateway, clock: FixedClock
) -> None:
    login = await begun(gateway)
    first = await polled(gateway, login)
    fast = await polled(gateway, login)
    clock.advance_s(6)
    still = await polled(gateway, login)
    clock.advance_s(600)
    over = await polled(gateway, login)
    unknown = await gateway.call("POST", "/cli/login/token", json={"device_code": "x" * 43})
    now_us = clock.now_us()
    gone = await gateway.context.database.transaction(
        lambda tx: device_login.prune(tx, now_us=now_us)
    )

    assert first.json()["data"]["interval"] == 2
    assert (fast.status_code, fast.headers["retry-after"]) == (429, "7")
    assert fast.json()["data"]["error"]["reason"] == "slow_down"
    assert (still.status_code, still.headers["retry-after"]) == (429, "12")
    assert over.status_code == unknown.status_code == 400
    assert over.json()["data"]["error"] == unknown.json()["data"]["error"]
    assert gone == 1


@pytest.mark.one_database
async def test_codes_are_typed_as_people_type_and_guessing_ends(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    login = await begun(gateway)
    code = login["user_code"]
    typed = code.lower().replace("-", " ")
    nonsense = [
        (await browser.request("GET", PATH, params={"code": text})).status_code
        for text in ("AAAA-AAAA", "BCDF", "<script>", "BCDF-BCDF-B", "é" * 8)
    ]
    found = await browser.request("GET", PATH, params={"code": typed})
    guessed = [
        (await browser.request("GET", PATH, params={"code": "BBBB-BBBB"})).status_code
        for _ in range(30)
    ]

    assert set(code.replace("-", "")) <= set(USER_CODE_LETTERS)
    assert nonsense == [422] * 5
    assert code in text_of(found.text)
    assert guessed[-1] == 429


@pytest.mark.one_database
async def test_a_stranger_is_sent_to_sign_in_and_comes_back_to_the_code(gateway: Gateway) -> None:
    login = await begun(gateway, name='<img src=x onerror="alert(1)">')
    nobody = Browser(gateway)
    sent = await nobody.request("GET", f"{PATH}?code={login['user_code']}")
    forged = await nobody.send(PATH, {"code": login["user_code"], "decision": "allow"})
    shown = await (await signed_in(gateway)).get(f"{PATH}?code={login['user_code']}")

    assert sent.status_code == 303
    assert login["user_code"] in sent.headers["location"]
    assert forged.status_code == 303
    assert "<img" not in shown.text.split("<main")[-1]
    assert (await polled(gateway, login)).status_code == 202


@pytest.mark.one_database
async def test_a_name_that_cannot_be_shown_is_refused_and_begins_are_counted(
    gateway: Gateway,
) -> None:
    names = ["", " ", "a" * 61, "a\u202eb", "a\nb"]
    refused = [
        (await gateway.call("POST", "/cli/login", json={"name": name})).status_code
        for name in names
    ]
    last = 201
    for _ in range(40):
        last = (await gateway.call("POST", "/cli/login", json={"name": "n"})).status_code
        if last != 201:
            break

    assert refused == [422] * 5
    assert last == 429


@pytest.mark.one_database
async def test_no_code_and_no_key_lie_in_the_database_and_the_log_says_who(
    gateway: Gateway,
) -> None:
    browser = await signed_in(gateway)
    login = await begun(gateway)
    await decided(browser, login)
    key = (await polled(gateway, login)).json()["data"]["key"]
    rows = await gateway.context.database.read(lambda tx: tx.fetch("SELECT * FROM device_logins"))
    account_id = await browser_account(browser)
    told = await gateway.context.database.read(
        lambda tx: tx.fetch(
            "SELECT action FROM audit_log WHERE account_id = :account_id ORDER BY id",
            account_id=account_id,
        )
    )

    stored = json.dumps([list(row) for row in rows])
    code = login["user_code"]
    assert all(text not in stored for text in (login["device_code"], code, key))
    assert code.replace("-", "") not in stored
    assert [one["action"] for one in told] == ["cli.allowed", "key.created"]


@pytest.mark.one_database
async def test_a_key_gives_itself_up_whatever_its_scopes(gateway: Gateway) -> None:
    account = await gateway.account()
    key = await gateway.key(account, scopes=["topup:read"])
    ended = await gateway.call("DELETE", "/keys/self", key=key)
    for _ in range(2):
        # What is known of a key lives half a second; until then it is the same answer.
        await gateway.call("DELETE", "/keys/self", key=key)
    events = await gateway.call("GET", "/events", key=await gateway.key(account))

    assert ended.status_code == 200
    assert ended.json()["data"]["revoked_at"] is not None
    types = [one["type"] for one in events.json()["data"]["items"]]
    assert types.count("key.revoked") == 1


async def keys_of(gateway: Gateway) -> int:
    rows = await gateway.context.database.read(
        lambda tx: tx.fetch("SELECT COUNT(*) AS n FROM api_keys")
    )
    return int(rows[0]["n"])
