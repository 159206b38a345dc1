"""`topup team` and `accounts remove-two-factor`: who signs in to an account, and help for who lost the phone."""

import asyncio

import pytest

from keys import member, second_factor
from keys.notifications import NOTIFICATIONS
from store.database import Transaction
from store.open import open_database
from tests.support.command_line import Topup, result_of, topup

__all__ = ["topup"]
pytestmark = pytest.mark.one_database
EMAIL = "ann@example.com"


async def _kept(database_url: str, account_id: str) -> None:
    """An invitation, and a second factor that is on."""

    async def work(tx: Transaction) -> None:
        await member.invite(
            tx,
            account_id=account_id,
            email="bo@example.com",
            role="reader",
            invited_by=account_id,
            now_us=1,
        )
        await second_factor.begin(tx, account_id, "ses_1", now_us=1)
        await tx.execute("UPDATE second_factors SET confirmed_at = 2")
        await second_factor.renew_recovery(tx, account_id)

    database = open_database(database_url)
    try:
        await database.transaction(work)
    finally:
        await database.close()


def test_an_operator_sees_colleagues_and_switches_a_second_factor_off(
    topup: Topup, database_url: str
) -> None:
    made = result_of(topup("accounts", "create", "--name", "Ann", "--email", EMAIL, "--json"))
    asyncio.run(_kept(database_url, made["id"]))

    [listed] = result_of(topup("team", "list", "--account", EMAIL, "--json"))["items"]
    [told] = result_of(topup("accounts", "notifications", EMAIL, "--json"))["items"]
    on = result_of(topup("accounts", "show", EMAIL, "--json"))
    off = result_of(topup("accounts", "remove-two-factor", EMAIL, "--yes", "--json"))
    again = topup("accounts", "remove-two-factor", EMAIL, "--yes")
    log = result_of(topup("accounts", "log", "--account", EMAIL, "--json"))["items"]

    assert (listed["email"], listed["role"], listed["joined_at"]) == (
        "bo@example.com",
        "reader",
        None,
    )
    # Who was invited and has not joined is told nothing.
    person = {"id": made["id"], "email": EMAIL, "role": "owner"}
    assert told == {**person, "told": [*NOTIFICATIONS], "staging": False}
    assert (on["two_factor"], on["recovery_codes_left"]) == (True, 10)
    assert (off["two_factor"], off["recovery_codes_left"]) == (False, 0)
    assert again.exit_code == 1
    assert "two_factor.off" in {one["action"] for one in log}


def test_an_operator_removes_a_colleague_after_a_question_that_names_them(
    topup: Topup, database_url: str
) -> None:
    made = result_of(topup("accounts", "create", "--name", "Ann", "--email", EMAIL, "--json"))
    asyncio.run(_kept(database_url, made["id"]))
    [listed] = result_of(topup("team", "list", "--account", EMAIL, "--json"))["items"]
    whose = (listed["id"], "--account", EMAIL)

    unsaid = topup("team", "remove", *whose)
    kept = result_of(topup("team", "list", "--account", EMAIL, "--json"))["items"]
    removed = result_of(topup("team", "remove", *whose, "--yes", "--json"))
    again = topup("team", "remove", *whose, "--yes")
    left = result_of(topup("team", "list", "--account", EMAIL, "--json"))["items"]
    [entry, *_] = result_of(topup("accounts", "log", "--account", EMAIL, "--json"))["items"]

    assert "Remove bo@example.com? They lose access at once." in unsaid.output
    assert (kept, left) == ([listed], [])
    assert (removed["id"], again.exit_code) == (listed["id"], 1)
    assert (entry["action"], entry["subject_id"]) == ("member.removed", listed["id"])


def test_an_operator_suspends_an_account_resumes_it_and_hands_over_a_link(topup: Topup) -> None:
    made = result_of(topup("accounts", "create", "--name", "Ann", "--email", EMAIL, "--json"))

    stopped = result_of(topup("accounts", "suspend", EMAIL, "--reason", "fraud", "--yes", "--json"))
    shown = result_of(topup("accounts", "show", EMAIL, "--json"))
    resumed = result_of(topup("accounts", "resume", EMAIL, "--json"))
    link = result_of(topup("accounts", "password-link", EMAIL, "--json"))
    log = result_of(topup("accounts", "log", "--account", EMAIL, "--json"))["items"]

    assert (stopped["id"], stopped["suspended_for"]) == (made["id"], "fraud")
    assert shown["suspended_for"] == "fraud"
    assert (resumed["suspended_at"], resumed["suspended_for"]) == (None, None)
    assert "/new-password/" in link["url"]
    assert [one["action"] for one in log][:3] == [
        "password.asked",
        "account.resumed",
        "account.suspended",
    ]
