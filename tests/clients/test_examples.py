"""clients/python/examples: each framework as it is installed, and the gateway for real. The vendor of the model is on loopback.

tests/e2e/test_clients.py does the same with clients/typescript/examples.
"""

import asyncio
import importlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from gateway_tools import GatewayTools
from topup_gateway import Client

from tests.support.gateway import running, settings_of

pytestmark = pytest.mark.one_database


@pytest_asyncio.fixture
async def tools(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[GatewayTools]:
    database = tmp_path / "topup.db"
    shutil.copy(sqlite_template, database)
    async with running(settings_of(f"sqlite:///{database}", tmp_path)) as gateway:
        key = await gateway.key(await gateway.account())
        client = Client(gateway.url, key)
        yield GatewayTools(client)
        client.close()


async def test_each_framework_sends_once_and_tells_what_came_of_it(tools: GatewayTools) -> None:
    # The frameworks would take a third of the time in which a run finds its tests.
    day = importlib.import_module("tests.clients.agents_day")

    said = await day.answers_of_each(tools)

    # One key, so one top-up: the second and the third were told of the first.
    answers = [json.loads(one) for one in said]
    assert [one["code"] for one in answers] == [1001, 1001, 1001]
    assert len({one["transaction_id"] for one in answers}) == 1
    balance = json.loads(await asyncio.to_thread(tools.get_balance))["data"]
    assert balance["balance_cents"] == 999_100
    refused = await asyncio.to_thread(tools.get_topup, "txn_unknown")
    assert json.loads(refused)["data"]["error"]["next_action"] == "fix_request"
