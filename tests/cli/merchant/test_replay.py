"""`topup replay` on both databases: what it prints, and how it refuses."""

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


def test_a_dry_run_counts(topup: Topup, owned: tuple[str, str]) -> None:
    endpoint = f"--endpoint={owned[1]}"

    every = result_of(topup(endpoint, "--dry-run", "--json"))
    two = topup(endpoint, "--event=topup.failed", "--event=balance.low", "--dry-run", "--json")
    none = topup(endpoint, "--until=2026-06-13T11:00:00Z", "--dry-run", "--json")

    assert (every["dry_run"], every["matched"], every["delivery_status"]) == (True, 3, "failed")
    assert result_of(two)["matched"] == 2
    assert result_of(none)["matched"] == 0
    assert result_of(topup("list", f"--account={owned[0]}", "--environment=live", "--json")) == {
        "items": [],
        "next_cursor": None,
    }


def test_a_job_is_made_listed_shown_paused_resumed_and_cancelled(
    topup: Topup, owned: tuple[str, str]
) -> None:
    account, endpoint = f"--account={owned[0]}", f"--endpoint={owned[1]}"
    made = result_of(topup(endpoint, "--rate=7", "--no-wait", "--json"))

    listed = result_of(topup("list", account, "--environment=live", "--json"))
    shown = result_of(topup("show", made["id"], "--json"))
    paused, resumed, cancelled = (
        result_of(topup(word, made["id"], "--json")) for word in ("pause", "resume", "cancel")
    )
    refused = topup("resume", made["id"])

    assert (made["matched"], made["rate_per_s"], made["status"]) == (3, 7, "running")
    assert listed["items"] == [made]
    assert shown == {**made, "account_id": owned[0]}
    assert [one["status"] for one in (paused, resumed, cancelled)] == [
        "paused",
        "running",
        "cancelled",
    ]
    assert refused.exit_code == 1
    assert "the replay is cancelled" in refused.stderr


def test_a_replay_of_nothing_ends_at_once(topup: Topup, owned: tuple[str, str]) -> None:
    result = topup(f"--endpoint={owned[1]}", "--status=delivered")

    assert result.exit_code == 0
    assert "done" in result.stdout
    assert "0 to send, at most 50 a second" in result.stderr


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        ((), 2, "say which --endpoint"),
        (("--endpoint=we_nobody",), 1, "Webhook not found"),
        (("--endpoint=we_1", "--since=yesterday"), 2, "a time is written like"),
        (("--endpoint=we_1", "--until=2026-06-13T12:00:00"), 2, "with its zone"),
        (("--endpoint=we_1", "--status=pending"), 2, "'failed', 'delivered'"),
        (("--endpoint=we_1", "--event=nothing"), 2, "topup.delivered"),
        (("--endpoint=we_1", "--rate=0"), 2, "1<=x<=1000"),
        (("show", "rpl_nothing"), 1, "Replay not found"),
        (("cancel", "rpl_nothing"), 1, "Replay not found"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    topup: Topup, words: tuple[str, ...], exit_code: int, said: str
) -> None:
    result = topup(*words)

    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert said in result.stderr


@pytest.mark.one_database
def test_a_period_that_ends_before_it_begins_is_refused(
    topup: Topup, owned: tuple[str, str]
) -> None:
    times = ("--since=2026-06-13T11:00:00Z", "--until=2026-06-13T10:00:00Z")

    result = topup(f"--endpoint={owned[1]}", *times)

    assert result.exit_code == 1
    assert "since is a time before until" in result.stderr
