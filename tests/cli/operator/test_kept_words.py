"""`topup manual-review seen` and `settle --kind kept`: what a supplier said wrongly, once an operator looks at it."""

import asyncio
import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from billing.credits.opening import open_account
from billing.topups.fulfilment import BeginSupplierCall, Settle
from billing.topups.platform import Source
from billing.topups.send import new_send, prepare
from billing.topups.topup import Deliverable
from keys.api_keys.api_key import mint
from keys.api_keys.fields import NewKey
from keys.api_keys.lookup import load_principals
from keys.principal import Principal
from keys.token_format import digest
from runtime.context import Context, open_context
from runtime.settings import load_settings
from store.database import Transaction
from tests.support.command_line import SECRET_KEY, Topup, result_of, topup as topup
from tests.support.gateway import NO_REDIS

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
CODE = Deliverable("code", "GIFT-1234-5678", "https://vendor.example/redeem")


@pytest.fixture
def own(topup: Topup, tmp_path: Path) -> Topup:
    """The command line of an installation whose `claude` is supplied by the operator's own service."""
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")
    options = ("--option", "url=https://own.example/topup", "--secret", f"secret=@{secret}")
    assert topup("suppliers", "create", "--id", "own", "--kind", "http", *options).exit_code == 0
    assert topup("platforms", "set", "claude", "--supplier", "own").exit_code == 0
    return topup


def told(database_url: str, folder: Path, *said: tuple[str, int]) -> list[str]:
    """Top-ups of $10.00; of each: the code that its supplier hands over, and what it took for it in cents."""

    async def tell() -> list[str]:
        settings = load_settings(
            database_url=SecretStr(database_url),
            data_dir=folder,
            secret_key=SecretStr(SECRET_KEY),
            redis_url=SecretStr(NO_REDIS),
        )
        async with open_context(settings) as context:
            caller = await context.database.transaction(lambda tx: _caller(tx, context))
            return [await _one(context, caller, *each) for each in said]

    return asyncio.run(tell())


async def _caller(tx: Transaction, context: Context) -> Principal:
    now_us = context.clock.now_us()
    account_id = await open_account(tx, name="Acme", email="a@example.com", now_us=now_us)
    _, secret = await mint(
        tx,
        account_id=account_id,
        environment="staging",
        parent=None,
        new=NewKey(name="k"),
        now_us=now_us,
    )
    found = (await load_principals(tx, [digest(secret)], now_us=now_us))[digest(secret)]
    assert isinstance(found, Principal)
    return found


async def _one(context: Context, caller: Principal, code: str, cost_cents: int) -> str:
    order = prepare(
        context.suppliers.book.of("staging"),
        account_id=caller.account_id,
        platform="claude",
        amount_cents=1000,
        recipient_email="user@example.com",
    )
    sent = (await context.engine.submit(new_send(caller, order))).topup
    later = context.clock.now_us() + 60_000_000
    source, email = Source("own", "http"), sent.recipient_email
    await context.engine.submit(BeginSupplierCall(sent.id, sent.tenant, 0, later, source, email))
    given = Deliverable("code", code, CODE.redeem_url)
    word = Settle(sent.id, sent.tenant, "delivered", given=given, by="own", cost_cents=cost_cents)
    await context.engine.submit(word)
    return sent.id


def test_what_is_kept_is_delivered_by_a_person_who_checked(
    own: Topup, database_url: str, tmp_path: Path
) -> None:
    (topup_id,) = told(database_url, tmp_path, ("GIFT-1234-5678", 1001))
    shown = result_of(own("manual-review", "show", topup_id, "--json"))
    listed = result_of(own("manual-review", "list", "--view", "word", "--json"))["items"]
    words = ("manual-review", "settle", topup_id, "--yes")

    both = own(*words, "--kind", "none", "--reason", "x", "--checked")
    mute = own(*words, "--kind", "kept", "--checked")
    unchecked = own(*words, "--kind", "kept", "--reason", "they raised the price")
    done = own(*words, "--kind", "kept", "--reason", "they raised the price", "--checked", "--json")
    again = own(*words, "--kind", "kept", "--reason", "they raised the price", "--checked")
    after = result_of(own("manual-review", "show", topup_id, "--json"))

    assert [one["transaction_id"] for one in listed] == [topup_id]
    (word,) = shown["words"]
    assert (word["why"], word["hint"], word["cost_cents"]) == ("implausible", "5678", 1001)
    assert [one.exit_code for one in (both, mute, unchecked, again)] == [1, 1, 1, 1]
    assert "kind" in both.stderr
    assert result_of(done)["status"] == "delivered"
    assert result_of(done)["deliverable"]["kind"] == "code"
    assert result_of(done)["deliverable"]["redeem_url"] == CODE.redeem_url
    assert (after["status"], after["attempts"][0]["outcome"]) == ("delivered", "delivered")
    every = (both, mute, unchecked, done, again)
    assert "GIFT-1234" not in "".join(one.stdout + one.stderr for one in every)
    assert own("audit").exit_code == 0


def test_what_was_delivered_for_another_top_up_is_settled_by_nobody(
    own: Topup, database_url: str, tmp_path: Path
) -> None:
    first, second = told(database_url, tmp_path, ("GIFT-1234-5678", 900), ("GIFT-1234-5678", 900))
    reason = ("--reason", "they say it is right", "--checked")

    kept = own("manual-review", "settle", second, "--yes", "--kind", "kept", *reason)
    nothing = own("manual-review", "settle", first, "--yes", "--kind", "kept", *reason)
    shown = result_of(own("manual-review", "show", second, "--json"))

    assert (kept.exit_code, nothing.exit_code) == (1, 1)
    assert f"The same was delivered for {first} before." in kept.stderr
    assert "What the supplier delivered isn't stored for this top-up." in nothing.stderr
    assert (shown["status"], shown["state"]) == ("pending", "needs_review")
    assert own("audit").exit_code == 0


def test_a_word_is_seen_once_with_a_reason_that_the_audit_log_has(
    own: Topup, database_url: str, tmp_path: Path
) -> None:
    _, second = told(database_url, tmp_path, ("GIFT-1234-5678", 900), ("GIFT-1234-5678", 900))
    reason = ("--reason", "their second code is void", "--by", "ann")

    mute = own("manual-review", "seen", second)
    seen = own("manual-review", "seen", second, *reason, "--json")
    again = own("manual-review", "seen", second, *reason)
    stranger = own("manual-review", "seen", "txn_0000000000000000", *reason)
    shown = result_of(own("manual-review", "show", second, "--json"))
    listed = result_of(own("manual-review", "list", "--view", "word", "--json"))["items"]

    assert result_of(seen).items() >= {"transaction_id": second, "seen": 1}.items()
    assert (mute.exit_code, again.exit_code, stranger.exit_code) == (1, 1, 1)
    assert "No supplier response about this top-up is waiting for an operator." in again.stderr
    assert shown["words"][0]["seen_by"] == "ann"
    # It still waits for a person: to have seen a word ends nothing.
    assert (shown["status"], listed) == ("pending", [])
    assert json.dumps(shown).count("GIFT") == 0
