"""One gateway for the tests of a module, and the commands that are run against it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from cli.main import main
from tests.support.gateway import Gateway, running, settings_of

Ran = Callable[..., Awaitable[Result]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_gateway(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """The commands speak HTTP: which database is behind it is no affair of theirs."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copy(sqlite_template, folder / "topup.db")
    async with running(settings_of(f"sqlite:///{folder / 'topup.db'}", folder)) as opened:
        yield opened


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    """Runs `topup …` beside the gateway's loop; keywords are further variables."""

    async def run(*words: str, typed: str = "", **variables: str | None) -> Result:
        none: dict[str, Any] = dict.fromkeys(("TOPUP_API_KEY", "TOPUP_URL", "TOPUP_PROFILE"))
        env = {**none, "XDG_CONFIG_HOME": str(tmp_path), **variables}
        return await asyncio.to_thread(CliRunner().invoke, main, list(words), input=typed, env=env)

    return run
