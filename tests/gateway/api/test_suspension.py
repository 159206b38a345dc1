"""A suspended account spends and makes nothing, whatever it calls with; it reads, gives back and goes on again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from billing.recipients.account_mail import suspended_letter
from billing.recipients.language import english
from kernel.clock import FixedClock
from kernel.errors import InvalidInput
from keys import account_access
from keys.account import set_operator
from keys.account_access import AccountSuspended
from store.database import Database
from tests.support.browser import PASSWORD, new_browser, signed_in
from tests.support.charging_app import open_charging_app
from tests.support.gateway import API, Gateway, running, settings_of
from tests.support.operator_pages import account_of, operator, press

SEND: dict[str, Any] = {
    "platform": "claude",
    "amount_cents": 1000,
    "recipient_email": "ana@example.com",
}
WHY = "the card was reported stolen"
# What each of these changes; a place that is not there would be told only to who may change something.
CHANGES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/topup/send", SEND),
    ("POST", "/keys", {"name": "more"}),
    ("POST", "/webhooks/register", {"url": "https://example.com/hook"}),
    ("POST", "/vouchers/redeem", {"code": "ATU-0000-0000-0000-0000-0000"}),
    ("POST", "/sandbox/fund", {"amount_cents": 100}),
    ("PUT", "/topup/balance/threshold", {"low_balance_threshold_cents": 100}),
)


@pytest_asyncio.fixture
async def gateways(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> AsyncIterator[tuple[Gateway, Gateway]]:
    settings = settings_of(database_url, tmp_path)
    async with running(settings, clock) as first, running(settings, clock) as second:
        yield first, second


async def suspend(gateway: Gateway, account_id: str, reason: str = WHY) -> None:
    now_us = gateway.context.clock.now_us()
    await gateway.context.database.transaction(
        lambda tx: account_access.suspend(tx, account_id, reason, now_us=now_us)
    )


async def resume(gateway: Gateway, account_id: str) -> None:
    await gateway.context.database.transaction(lambda tx: account_access.resume(tx, account_id))


async def test_from_its_commit_on_nothing_is_spent_at_any_gateway(
    gateways: tuple[Gateway, Gateway], clock: FixedClock
) -> None:
    here, there = gateways
    account_id, other_id = await here.account(), await here.account()
    key, other = await here.key(account_id), await here.key(other_id)
    token = await here.system_token(account_id)
    pending = {**SEND, "recipient_email": "pending@sandbox.test"}
    # Both gateways know the key, and the clock stands still: nothing they know grows old.
    for gateway in gateways:
        assert (await gateway.call("POST", "/topup/send", key=key, json=SEND)).status_code == 200
    held = (await there.call("POST", "/topup/send", key=key, json=pending)).json()

    await suspend(here, account_id)

    for path, body in (
        ("/topup/send", SEND),
        ("/topup/validate", SEND),
        ("/usage", {"amount_micros": 5_000, "description": "t", "reference": "u1"}),
        ("/holds", {"amount_micros": 9_000, "description": "a job"}),
    ):
        refused = await there.call("POST", path, key=key, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, 2009), path
        assert refused.json()["data"]["error"]["reason"] == "account_suspended"
    clock.advance_s(0.5)
    for credential in (key, token):
        for method, path, body in CHANGES:
            refused = await there.call(method, path, key=credential, json=body)
            assert (refused.status_code, refused.json()["code"]) == (403, 2009), path
            assert f"suspended: {WHY}." in refused.json()["data"]["error"]["detail"]
        assert (await there.call("GET", "/topup/balance", key=credential)).status_code == 200
    # What gives back is let through, and nobody else is concerned.
    cancel = {"transaction_id": held["transaction_id"]}
    cancelled = await there.call("POST", "/topup/cancel", key=key, json=cancel)
    assert cancelled.json()["code"] == 3001
    assert (await there.call("POST", "/topup/send", key=other, json=SEND)).json()["code"] == 1001

    await resume(here, account_id)
    clock.advance_s(0.5)
    assert (await there.call("POST", "/topup/send", key=key, json=SEND)).json()["code"] == 1001


@pytest.mark.fixed_clock
async def test_a_suspended_accounts_key_may_end_itself(gateway: Gateway, clock: FixedClock) -> None:
    account_id = await gateway.account()
    key, other = await gateway.key(account_id), await gateway.key(account_id)
    child = await gateway.call("POST", "/keys", key=key, json={"name": "child"})
    await suspend(gateway, account_id)
    clock.advance_s(1)

    ended = await gateway.call("DELETE", "/keys/self", key=key)
    clock.advance_s(1)
    after = [
        await gateway.call("GET", "/keys/self", key=one)
        for one in (key, child.json()["data"]["key"], other)
    ]

    assert ended.status_code == 200, ended.text
    assert ended.json()["data"]["revoked_at"] is not None
    assert [one.status_code for one in after] == [401, 401, 200]


async def test_of_a_burst_at_two_gateways_what_was_accepted_is_all_that_was_sent(
    gateways: tuple[Gateway, Gateway],
) -> None:
    here, there = gateways
    account_id = await here.account()
    key = await here.key(account_id)
    codes: list[int] = []
    some_sent = asyncio.Event()

    async def send(gateway: Gateway) -> None:
        for _ in range(12):
            answer = await gateway.call("POST", "/topup/send", key=key, json=SEND)
            codes.append(answer.json()["code"])
            if len(codes) == 6:
                some_sent.set()

    async def stop() -> list[int]:
        """What was accepted after the suspension was committed."""
        await some_sent.wait()
        await suspend(here, account_id)
        return await sent()

    async def sent() -> list[int]:
        rows = await here.context.database.read(
            lambda tx: tx.fetch(
                "SELECT COUNT(*) AS n FROM topups WHERE account_id = :id", id=account_id
            )
        )
        return [int(row["n"]) for row in rows]

    *_, at_once = await asyncio.gather(*(send(one) for one in (here, there) * 3), stop())

    assert at_once == await sent() == [codes.count(1001)]
    assert set(codes) == {1001, 2009}


async def test_neither_side_of_a_charge_by_an_app_may_be_suspended(
    database: Database, clock: FixedClock
) -> None:
    app = await open_charging_app(database, clock)
    user, owner = app.account.account_id, app.consent.owner_id

    async def change(account_id: str, *, on: bool) -> None:
        await database.transaction(
            lambda tx: (
                account_access.suspend(tx, account_id, WHY, now_us=1)
                if on
                else account_access.resume(tx, account_id)
            )
        )

    await change(user, on=True)
    with pytest.raises(AccountSuspended):
        await app.charge(1_000)
    await change(user, on=False)
    await change(owner, on=True)
    stopped = await app.agree()
    await change(owner, on=False)
    free = await app.agree()

    assert (stopped.suspended_for, free.suspended_for) == (WHY, None)
    assert (await app.charge(1_000)).amount_micros == 1_000


@pytest.mark.one_database
@pytest.mark.fixed_clock
@pytest.mark.gateway_settings(smtp_url="smtp://127.0.0.1:9", mail_from="credit@acme.com")
async def test_an_operator_suspends_and_resumes_and_the_owner_is_told(
    gateway: Gateway, clock: FixedClock
) -> None:
    boss, ann = await operator(gateway), await signed_in(gateway, "ann@mail.com")
    account_id = await account_of(ann)
    page = f"/dashboard/admin/accounts/{account_id}"

    unsaid = await press(boss, page, f"{page}/suspend", reason=" ")
    done = await press(boss, page, f"{page}/suspend", reason=WHY)
    clock.advance_s(1)

    assert (unsaid.status_code, 'aria-invalid="true"' in unsaid.text) == (422, True)
    assert done.headers["location"] == f"{page}?said=accounts.suspend"
    shown = (await ann.get("/dashboard")).text
    assert WHY in shown
    form = {
        "platform": "claude",
        "amount": "10.00",
        "recipient_email": "u@mail.com",
        "step": "send",
    }
    refused = await press(ann, "/dashboard/send", "/dashboard/send", **form)
    assert "suspended" in refused.text
    assert (await gateway.client.get(f"{API}/topup/balance")).status_code == 401
    # People still get in, and keep their passwords.
    assert (await new_browser(gateway).sign_in("ann@mail.com")).status_code == 303
    changed = await press(
        ann,
        "/dashboard/account",
        "/dashboard/account/password",
        password=PASSWORD,
        new_password="a wholly other one",
    )
    assert changed.headers["location"].endswith("said=password-changed")
    log = (await ann.get("/dashboard/account/security")).text
    assert "account.suspended" in log

    resumed = await press(boss, page, f"{page}/resume")
    clock.advance_s(1)
    assert resumed.status_code == 303
    assert WHY not in (await ann.get("/dashboard")).text
    rows = await gateway.context.database.read(
        lambda tx: tx.fetch("SELECT kind, about FROM owner_mails ORDER BY id")
    )
    told = [(row["kind"], row["about"]) for row in rows if row["kind"] != "password_changed"]
    assert told == [("suspended", f'{{"reason":"{WHY}"}}'), ("resumed", '{"reason":null}')]


@pytest.mark.one_database
async def test_an_operators_account_is_not_suspended_and_a_reason_is_a_sentence(
    gateway: Gateway,
) -> None:
    account_id, boss_id = await gateway.account(), await gateway.account()
    await gateway.context.database.transaction(
        lambda tx: set_operator(tx, boss_id, is_operator=True)
    )

    for whom, reason in (
        (boss_id, WHY),
        (account_id, ""),
        (account_id, "x" * 201),
        (account_id, "a\x00b"),
    ):
        with pytest.raises(InvalidInput):
            await suspend(gateway, whom, reason)


@pytest.mark.fixed_clock
@pytest.mark.one_database
async def test_its_owner_ends_a_leaked_key_and_makes_none(
    gateway: Gateway, clock: FixedClock
) -> None:
    account_id = await gateway.account()
    owner = await gateway.key(account_id)
    leaked = await gateway.call("POST", "/keys", key=owner, json={"name": "leaked"})
    await suspend(gateway, account_id)
    # Within half a second a process knows of it.
    clock.advance_s(1)

    made = await gateway.call("POST", "/keys", key=owner, json={"name": "more"})
    ended = await gateway.call("DELETE", f"/keys/{leaked.json()['data']['id']}", key=owner)

    assert made.status_code == 403
    assert ended.status_code == 200


def test_the_mails_reason_runs_into_no_other_sentence() -> None:
    letter = suspended_letter(reason=WHY, public_url="https://pay.acme.com", language=english())

    assert letter.happened[0] == (
        "The operator of this service suspended your account (the card was reported stolen)."
    )
