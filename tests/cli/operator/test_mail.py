"""`topup mail` and the mail line of `topup doctor`: what an operator sees, presses and erases."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from billing.credits.opening import open_account
from billing.topups.send import new_send, prepare
from billing.topups.topup import DeliveryOptions, TopUp, load
from keys.api_keys.api_key import mint
from keys.api_keys.fields import NewKey
from keys.api_keys.lookup import load_principals
from keys.principal import Principal
from keys.token_format import digest
from runtime.context import Context, open_context
from runtime.settings import load_settings
from store.database import Transaction
from tests.support.command_line import SECRET_KEY, Topup, result_of, topup
from tests.support.gateway import NO_REDIS

__all__ = ["topup"]
pytestmark = pytest.mark.one_database
ADDRESS = "user@mail.com"


async def _send(context: Context) -> str:
    """The id of a top-up with a mail in the outbox."""
    now_us = context.clock.now_us()

    async def open_one(tx: Transaction) -> Principal:
        account_id = await open_account(tx, name="Acme", email="a@mail.com", now_us=now_us)
        _, secret = await mint(
            tx,
            account_id=account_id,
            environment="staging",
            parent=None,
            new=NewKey(name="test"),
            now_us=now_us,
        )
        found = (await load_principals(tx, [digest(secret)], now_us=now_us))[digest(secret)]
        assert isinstance(found, Principal)
        return found

    principal = await context.database.transaction(open_one)
    order = prepare(
        context.topup_rules.platforms.of("staging"),
        account_id=principal.account_id,
        platform="claude",
        amount_cents=1000,
        recipient_email=ADDRESS,
        delivery=DeliveryOptions(email=True, message="Hello"),
    )
    return (await context.engine.submit(new_send(principal, order))).topup.id


async def _load(context: Context, topup_id: str) -> TopUp:
    return (await context.database.read(lambda tx: load(tx, [topup_id])))[topup_id]


def test_an_operator_lists_retries_stops_and_erases(
    topup: Topup, database_url: str, tmp_path: Path
) -> None:
    settings = load_settings(
        database_url=SecretStr(database_url),
        data_dir=tmp_path,
        secret_key=SecretStr(SECRET_KEY),
        redis_url=SecretStr(NO_REDIS),
    )

    async def sent() -> str:
        async with open_context(settings) as context:
            return await _send(context)

    async def found(topup_id: str) -> TopUp:
        async with open_context(settings) as context:
            return await _load(context, topup_id)

    topup_id = asyncio.run(sent())

    [listed] = result_of(topup("mail", "list", "--to", ADDRESS, "--json"))["items"]
    again = result_of(topup("mail", "retry", listed["id"], "--by", "ana", "--json"))
    twice = topup("mail", "retry", listed["id"])
    stopped = topup("mail", "stop", "--address", ADDRESS)
    allowed = [result_of(topup("mail", "allow", "--address", ADDRESS, "--json")) for _ in range(2)]
    kept = result_of(topup("mail", "erase", "--address", ADDRESS, "--yes", "--json"))

    assert (listed["status"], listed["transaction_id"]) == ("outbox", topup_id)
    assert again["status"] == "queued"
    assert twice.exit_code == 1
    assert stopped.exit_code == 0
    assert [one["was_stopped"] for one in allowed] == [True, False]
    # What is on its way is kept until it ended.
    assert kept == {"topups": 1, "mails": 0, "payments": 0, "requests": 0}
    assert asyncio.run(found(topup_id)).delivery is None


def test_doctor_says_what_keeps_mail_from_leaving(topup: Topup) -> None:
    without = topup("doctor", "--json")
    away = topup(
        "doctor",
        "--json",
        TOPUP_SMTP_URL="smtp://127.0.0.1:1",
        TOPUP_MAIL_FROM="credit@acme.com",
    )
    half = topup("doctor", TOPUP_SMTP_URL="smtp://127.0.0.1:1")

    assert '"TOPUP_SMTP_URL is empty: mail stays in the outbox"' in without.stdout
    assert "check TOPUP_SMTP_URL" in away.stdout
    assert half.exit_code == 2
    assert "TOPUP_MAIL_FROM: is needed where TOPUP_SMTP_URL is set" in half.stderr
