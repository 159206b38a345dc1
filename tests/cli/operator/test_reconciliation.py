"""`topup reconciliation` and `topup providers`: what an operator compares, closes and asks."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from billing.reconciliation import differences
from billing.reconciliation.differences import FoundDifference
from cli.main import main
from store.open import open_database
from tests.support.command_line import Topup, result_of, without_settings
from tests.support.gateway import NO_REDIS

pytestmark = pytest.mark.one_database
FOUND = FoundDifference("unknown_payment", "ch_1", 0, 2000, "USD", "payment ch_1")


@pytest.fixture
def topup(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topup:
    """Runs `topup …` on a migrated, empty database."""
    without_settings(monkeypatch, tmp_path)
    environment = {
        "TOPUP_DATABASE_URL": database_url,
        "TOPUP_SECRET_KEY": "5f" * 32,
        "TOPUP_REDIS_URL": NO_REDIS,
    }

    def run(*words: str, **settings: str) -> Result:
        return CliRunner().invoke(main, [*words], env={**environment, **settings})

    return run


def test_a_difference_is_listed_and_closed_with_a_reason(topup: Topup, database_url: str) -> None:
    async def find() -> None:
        database = open_database(database_url)
        await database.transaction(
            lambda tx: differences.note_found(tx, "live", "provider:stripe", [FOUND], now_us=1)
        )
        await database.close()

    asyncio.run(find())
    live = ("--environment", "live")
    (one,) = result_of(topup("reconciliation", "list", *live, "--json"))["items"]
    unclosed = topup("reconciliation", "close", one["id"], *live, "--yes", "--reason", " ")
    closed = topup(
        "reconciliation", "close", one["id"], *live, "--yes", "--reason", "our other shop"
    )

    assert (one["kind"], one["expected"], one["found"]) == (
        "unknown_payment",
        "0.00 USD",
        "20.00 USD",
    )
    assert one["press"].startswith("Look it up at the provider")
    assert (unclosed.exit_code, closed.exit_code) == (1, 0)
    assert result_of(topup("reconciliation", "list", *live, "--json"))["items"] == []
    (gone,) = result_of(topup("reconciliation", "list", *live, "--state", "closed", "--json"))[
        "items"
    ]
    assert gone["reason"] == "our other shop"


def test_a_comparison_runs_when_it_is_wanted(topup: Topup) -> None:
    first = topup("reconciliation", "run", "--json")
    again = topup("reconciliation", "run", "--part", "ledger", "--json")
    unknown = topup("reconciliation", "run", "--part", "provider:nobody")

    assert [one["part"] for one in result_of(first)["items"]] == ["ledger", "suppliers"]
    assert [one["fault"] for one in result_of(again)["items"]] == [None]
    assert unknown.exit_code == 1
    assert "Choose one of ledger, suppliers" in unknown.output


def test_providers_are_listed_with_the_address_to_enter_there(topup: Topup) -> None:
    url = "https://topup.example"
    listed = result_of(topup("providers", "list", "--json", TOPUP_PUBLIC_URL=url))["items"]
    (stripe,) = [
        one for one in listed if (one["provider"], one["environment"]) == ("stripe", "staging")
    ]
    checked = topup("providers", "check", "--json", TOPUP_PUBLIC_URL=url)
    unknown = topup("providers", "check", "--provider", "nobody")
    unasked = topup("providers", "check", "--provider", "stripe", "--json")
    live = topup("providers", "check", "--provider", "stripe", "--environment", "live", "--json")

    assert stripe == {
        "provider": "stripe",
        "environment": "staging",
        "state": "sandbox",
        "webhook": "https://topup.example/payment/webhook/stripe",
    }
    # Nobody has credentials, so there is nobody to ask.
    assert result_of(checked) == {"items": [], "is_well": True}
    assert unknown.exit_code == 1
    # The line says which of what was given is meant.
    assert "The provider must be one of creem, epay, myfatoorah, stripe." in unknown.output
    assert [one["detail"] for one in result_of(unasked)["items"]] == [
        "It has no credentials: the sandbox simulates it."
    ]
    assert [one["detail"] for one in result_of(live)["items"]] == [
        "It has no credentials: `topup settings` lists them."
    ]


def test_a_provider_that_does_not_answer_is_wrong_and_no_secret_is_shown(topup: Topup) -> None:
    result = topup(
        "providers",
        "check",
        "--provider",
        "stripe",
        "--environment",
        "live",
        "--json",
        TOPUP_PUBLIC_URL="https://topup.example",
        TOPUP_STRIPE_SECRET_KEY="sk_live_hunter2",
        TOPUP_STRIPE_WEBHOOK_SECRET="whsec_hunter2",
        TOPUP_STRIPE_API_BASE="http://127.0.0.1:9",
    )

    assert result.exit_code == 1
    assert "Stripe doesn't respond now" in result.output
    assert "hunter2" not in result.output
