"""What a process does without stays out of it: each library named here is 10 to 30 MB."""

import json
import subprocess
import sys
from pathlib import Path

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
    said = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
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


def test_a_gateway_starts_without_what_it_may_never_need(database_url: str, tmp_path: Path) -> None:
    plain, stripe = loaded(
        GATEWAY, settings(database_url, tmp_path), with_stripe(database_url, tmp_path)
    )

    assert plain & {"stripe", "mcp", "mcp_types", "sqlalchemy", "alembic", "worker"} == set()
    # Stripe's library is there with a key.
    assert "stripe" in stripe


def test_a_worker_loads_no_page_besides(database_url: str, tmp_path: Path) -> None:
    plain, stripe = loaded(
        WORKER, settings(database_url, tmp_path), with_stripe(database_url, tmp_path)
    )

    # jinja2 is there: mail to recipients is written by templates.
    assert plain & {"stripe", "mcp", "sqlalchemy", "alembic", "starlette"} == set()
    assert plain & {"gateway", "uvicorn"} == set()
    assert "stripe" in stripe
