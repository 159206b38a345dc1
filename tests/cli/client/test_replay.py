"""`topup replay` on both databases, with the gateway stopped."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from kernel.clock import FixedClock
from kernel.tenant import Tenant
from store.open import open_database
from tests.support.command_line import Topup, result_of, without_settings
from tests.support.replay_history import NOON, Past, given_past
from tests.support.webhook_rows import given_account, given_endpoint


@pytest.fixture
def topup(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topup:
    """Runs `topup replay …` on a migrated database."""
    without_settings(monkeypatch, tmp_path)
    environment = {"TOPUP_DATABASE_URL": database_url, "TOPUP_SECRET_KEY": "5f" * 32}

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, ["replay", *words], env=environment)

    return run


@pytest.fixture
def owned(database_url: str) -> tuple[str, str]:
    """The ids of an account and of its endpoint, with three failed deliveries of three types."""

    async def make() -> tuple[str, str]:
        database, clock = open_database(database_url), FixedClock(NOON)
        account_id = await given_account(database, clock)
        endpoint, _ = await given_endpoint(database, clock, Tenant(account_id, "live"))
        past = [Past(type=type_) for type_ in ("topup.failed", "balance.low", "topup.pending")]
        await given_past(database, Tenant(account_id, "live"), endpoint.id, past)
        await database.close()
        return account_id, endpoint.id

    return asyncio.run(make())


def test_a_job_is_made_and_watched_and_the_gateway_need_not_run(
    topup: Topup, owned: tuple[str, str]
) -> None:
    endpoint, account = owned[1], f"--account={owned[0]}"
    two = ("--event=topup.failed", "--event=balance.low", "--dry-run", "--json")

    counted = result_of(topup("create", endpoint, *two))
    made = result_of(topup("create", endpoint, "--rate-per-s=7", "--json"))
    listed = result_of(topup("list", account, "--environment=live", "--json"))
    cancelled = result_of(topup("cancel", made["id"], "--json"))
    watched = result_of(topup("watch", made["id"], "--json"))

    assert (counted["dry_run"], counted["matched"], counted["delivery_status"]) == (
        True,
        2,
        "failed",
    )
    assert (made["matched"], made["rate_per_s"], made["status"]) == (3, 7, "running")
    assert [one["id"] for one in listed["items"]] == [made["id"]]
    assert watched == cancelled
    assert watched["status"] == "cancelled"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "we_nobody"), "Webhook not found"),
        (("watch", "rpl_nothing"), "Replay not found"),
    ],
)
def test_what_is_unknown_is_refused_in_words(
    topup: Topup, words: tuple[str, ...], said: str
) -> None:
    result = topup(*words)

    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
