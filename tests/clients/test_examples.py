"""clients/python/examples: each framework's own loop with a scripted model, and the gateway for real.

clients/typescript/examples is compiled by tests/e2e/test_clients.py.
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
from topup_gateway import Gateway

from tests.support.gateway import running, settings_of

pytestmark = pytest.mark.one_database


@pytest_asyncio.fixture
async def tools(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[GatewayTools]:
    database = tmp_path / "topup.db"
    shutil.copy(sqlite_template, database)
    async with running(settings_of(f"sqlite:///{database}", tmp_path)) as gateway:
        key = await gateway.key(await gateway.account())
        client = Gateway(gateway.url, key)
        yield GatewayTools(client)
        client.close()


async def test_each_framework_sends_once_and_tells_what_came_of_it(tools: GatewayTools) -> None:
    # The frameworks would take a third of the time in which a run finds its tests.
    models = importlib.import_module("tests.support.scripted_models")

    said = await models.answers_of_each(tools)

    # One key, so one top-up: the second and the third were told of the first.
    answers = [json.loads(one) for one in said]
    assert [one["code"] for one in answers] == [1001, 1001, 1001]
    assert len({one["transaction_id"] for one in answers}) == 1
    balance = json.loads(await asyncio.to_thread(tools.get_balance))["data"]
    assert balance["balance_cents"] == 999_100
    refused = await asyncio.to_thread(tools.get_topup, "txn_unknown")
    assert json.loads(refused)["data"]["error"]["next_action"] == "fix_request"
