"""`topup …` in the test's own process, on the test's own database."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from runtime.settings import Settings

Topup = Callable[..., Result]
SECRET_KEY = "5f" * 32


def without_settings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """What a developer set, in variables or a file of the working directory, is no part of a test."""
    monkeypatch.chdir(folder)
    for name in Settings.model_fields:
        monkeypatch.delenv("TOPUP_" + name.upper(), raising=False)


@pytest.fixture
def topup(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topup:
    """Runs `topup …` on a migrated, empty database; keywords are further variables."""
    without_settings(monkeypatch, tmp_path)
    environment = {"TOPUP_DATABASE_URL": database_url, "TOPUP_SECRET_KEY": SECRET_KEY}

    def run(*words: str, **variables: str) -> Result:
        return CliRunner().invoke(main, list(words), env={**environment, **variables})

    return run


def result_of(result: Result) -> Any:
    """What a command that succeeded printed with --json."""
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)
