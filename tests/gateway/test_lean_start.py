"""What a process does without stays out of it: each library named here is 10 to 30 MB."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import SERVER_URL
from tests.support.databases import Server
from tests.support.gateway import NO_REDIS

SECRET_KEY = "5a" * 32
# Opens the app, or the worker's parts, in a process of its own and tells what is loaded then.
GATEWAY = """
from gateway.app import create_app

def start(context):
    create_app(context)
"""
WORKER = """
from worker.main import chores_of, dispatcher_of

def start(context):
    dispatcher_of(context)
    chores_of(context)
"""
OPEN = """
import asyncio, json, sys
from pathlib import Path
from runtime.context import open_context
from runtime.settings import load_settings

async def main():
    for given in json.loads(sys.argv[1]):
        given["data_dir"] = Path(given["data_dir"])
        async with open_context(load_settings(**given)) as context:
            start(context)
        print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))

asyncio.run(main())
"""


def loaded(program: str, *given: dict[str, str]) -> list[set[str]]:
    """The packages that one such process has loaded after it was opened with each of these settings."""
    argv = [sys.executable, "-c", program + OPEN, json.dumps(given)]
    said = subprocess.run(argv, capture_output=True, text=True, timeout=180, check=False)
    assert said.returncode == 0, said.stderr
    return [set(json.loads(line)) for line in said.stdout.splitlines()]


def settings(url: str, folder: Path, **more: str) -> dict[str, str]:
    return {
        "database_url": url,
        "redis_url": NO_REDIS,
        "secret_key": SECRET_KEY,
        "data_dir": str(folder),
        **more,
    }


def with_stripe(url: str, folder: Path) -> dict[str, str]:
    keys = {"stripe_secret_key": "sk_test_1", "stripe_webhook_secret": "whsec_1"}
    return settings(url, folder, **keys)


@pytest.fixture
def each_database(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path
) -> Iterator[list[str]]:
    """URLs of a migrated database of either kind; of a file alone where there is no server."""
    path = tmp_path / "topup.db"
    shutil.copy(sqlite_template, path)
    urls = [f"sqlite:///{path}"]
    if not SERVER_URL:
        yield urls
        return
    server: Server = request.getfixturevalue("postgresql_server")
    lent = server.lend()
    yield [*urls, lent]
    server.take_back(lent)


@pytest.mark.long
def test_a_gateway_starts_without_what_it_may_never_need(
    each_database: list[str], tmp_path: Path
) -> None:
    # One process on each kind of database in turn, with Stripe last: what is loaded stays.
    plain = [settings(url, tmp_path) for url in each_database]
    stripe = with_stripe(each_database[-1], tmp_path)

    *without, last = loaded(GATEWAY, *plain, stripe)

    for found in without:
        assert found & {"stripe", "mcp", "mcp_types", "sqlalchemy", "alembic", "worker"} == set()
        assert "opentelemetry" not in found
    # Stripe's library is there with a key.
    assert "stripe" in last


@pytest.mark.long
def test_a_worker_loads_no_page_besides(each_database: list[str], tmp_path: Path) -> None:
    plain = [settings(url, tmp_path) for url in each_database]
    stripe = with_stripe(each_database[-1], tmp_path)

    *without, last = loaded(WORKER, *plain, stripe)

    # jinja2 is there: mail to recipients is written by templates.
    for found in without:
        assert found & {"stripe", "mcp", "sqlalchemy", "alembic", "starlette"} == set()
        assert found & {"gateway", "uvicorn", "opentelemetry"} == set()
    assert "stripe" in last
