"""A database that lacks what this installation acknowledged: `topup migrate` refuses it as `topup serve` does."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from store.database import Transaction
from store.kept.commits import FOLDER, AcknowledgedCommits
from store.open import open_database
from tests.support.command_line import SECRET_KEY, without_settings


async def put(tx: Transaction) -> None:
    await tx.insert("mail_refusals", ("digest", "created_at"), [("a", 0)])


async def forget(tx: Transaction) -> None:
    """As a server that never got what this process was answered."""
    await tx.execute("DELETE FROM commit_tokens")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_migrate_and_serve_refuse_it_by_the_same_exit_code_until_its_loss_is_accepted(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_settings(monkeypatch, tmp_path)
    monkeypatch.setenv("TOPUP_DATABASE_URL", database_url)
    monkeypatch.setenv("TOPUP_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("TOPUP_PORT", "0")
    folder = tmp_path / "data" / FOLDER

    async def lose() -> None:
        database = open_database(database_url, kept=AcknowledgedCommits.open(folder))
        await database.transaction(put)
        await database.close()
        operator = open_database(database_url)
        await operator.transaction(forget)
        await operator.close()

    asyncio.run(lose())

    migrated = CliRunner().invoke(main, ["migrate"])
    assert migrated.exit_code == 29, migrated.output
    assert "accept-loss" in migrated.output
    assert CliRunner().invoke(main, ["serve"]).exit_code == 29

    accepted = CliRunner().invoke(main, ["database", "accept-loss", "--reason", "tried"])
    assert accepted.exit_code == 0, accepted.output
    assert CliRunner().invoke(main, ["migrate"]).exit_code == 0
