"""What a process does without stays out of it: each library named here is 10 to 30 MB."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
    url, redis_url, secret_key, data_dir, *stripe = sys.argv[1:]
    named = dict(zip(("stripe_secret_key", "stripe_webhook_secret"), stripe))
    settings = load_settings(
        database_url=url, redis_url=redis_url, secret_key=secret_key, data_dir=Path(data_dir), **named
    )
    async with open_context(settings) as context:
        start(context)
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))

asyncio.run(main())
"""


def loaded(program: str, url: str, folder: Path, *stripe: str) -> set[str]:
    """The packages of such a process; stripe: a secret key and a webhook secret."""
    argv = [sys.executable, "-c", program + OPEN, url, NO_REDIS, SECRET_KEY, str(folder), *stripe]
    said = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stderr
    return set(json.loads(said.stdout))


def test_a_gateway_starts_without_what_it_may_never_need(database_url: str, tmp_path: Path) -> None:
    found = loaded(GATEWAY, database_url, tmp_path)

    assert found & {"stripe", "mcp", "mcp_types", "sqlalchemy", "alembic", "worker"} == set()


def test_a_worker_loads_no_page_besides(database_url: str, tmp_path: Path) -> None:
    found = loaded(WORKER, database_url, tmp_path)

    # jinja2 is there: mail to recipients is written by templates.
    assert found & {"stripe", "mcp", "sqlalchemy", "alembic", "starlette"} == set()
    assert found & {"gateway", "uvicorn"} == set()


@pytest.mark.one_database
@pytest.mark.parametrize("program", [GATEWAY, WORKER], ids=["gateway", "worker"])
def test_stripes_library_is_there_with_a_key(
    program: str, database_url: str, tmp_path: Path
) -> None:
    found = loaded(program, database_url, tmp_path, "sk_test_1", "whsec_1")

    assert "stripe" in found
