"""`topup accounts password`: who runs the gateway lets somebody sign in, or signs them out."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from keys import session
from keys.account import find_by_email
from keys.sign_in.password import is_password
from store.database import Transaction
from store.open import open_database
from tests.support.command_line import Topup, without_settings

EMAIL = "ann@example.com"


@pytest.fixture
def topup(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topup:
    """Runs `topup …` on a database with one account."""
    without_settings(monkeypatch, tmp_path)
    environment = {"TOPUP_DATABASE_URL": database_url, "TOPUP_SECRET_KEY": "5f" * 32}

    def run(*words: str, typed: str = "") -> Result:
        return CliRunner().invoke(main, list(words), env=environment, input=typed)

    assert run("accounts", "create", "--name", "Ann", "--email", EMAIL).exit_code == 0
    assert run("accounts", "create", "--name", "Nobody").exit_code == 0
    return run


def kept(database_url: str, *, begin: bool = False) -> tuple[str | None, int]:
    """The account's hash and how many sessions it has; begins one first if asked."""

    async def work(tx: Transaction) -> tuple[str | None, int]:
        found = await find_by_email(tx, EMAIL)
        assert found is not None
        if begin:
            await session.begin(tx, account_id=found.id, user_agent="", now_us=1)
        row = await tx.fetch_one("SELECT COUNT(*) AS n FROM sessions")
        assert row is not None
        return found.password_hash, row["n"]

    async def look() -> tuple[str | None, int]:
        database = open_database(database_url)
        try:
            return await database.transaction(work)
        finally:
            await database.close()

    return asyncio.run(look())


def test_a_typed_password_signs_in_and_ends_the_sessions(topup: Topup, database_url: str) -> None:
    assert kept(database_url, begin=True) == (None, 1)

    result = topup("accounts", "password", EMAIL, "--yes", "--password", "-", typed="a few words\n")

    assert result.exit_code == 0, result.output
    assert "a few words" not in result.output
    password_hash, sessions = kept(database_url)
    assert is_password("a few words", password_hash)
    assert sessions == 0


@pytest.mark.one_database
def test_a_made_one_is_shown_once(topup: Topup, database_url: str) -> None:
    result = topup("accounts", "password", EMAIL, "--yes", "--json")

    made = json.loads(result.stdout)["password"]
    assert len(made) == 20
    assert is_password(made, kept(database_url)[0])


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        ((EMAIL,), "short\n", "10 to 200"),
        (("nobody@example.com",), "long enough\n", "not found"),
        (("acc_0000000000000000",), "long enough\n", "not found"),
    ],
)
def test_what_does_not_fit_is_refused(
    topup: Topup, words: tuple[str, ...], typed: str, said: str
) -> None:
    result = topup("accounts", "password", *words, "--yes", "--password", "-", typed=typed)

    assert result.exit_code != 0
    assert said in result.output
    assert "Traceback" not in result.output
