"""A form that is cut off at any moment and sent again makes one object, and shows its secrets once."""

import asyncio
from typing import Any

import httpx
import pytest

from gateway.app import create_app
from store.database import Transaction
from tests.support.browser import csrf_of
from tests.support.gateway import Gateway
from tests.support.operator_pages import ADMIN, operator

CUTS_MS = 25


@pytest.mark.one_database
async def test_codes_are_made_once_wherever_the_form_is_cut_off(gateway: Gateway) -> None:
    boss = await operator(gateway)
    page = f"{ADMIN}/code-batches"
    fields = {
        "csrf_token": csrf_of((await boss.get(page)).text),
        "environment": "staging",
        "credits": "1000",
        "count": "2",
    }

    async def made(name: str) -> int:
        async def work(tx: Transaction) -> int:
            rows = await tx.fetch("SELECT id FROM redemption_batches WHERE name = :name", name=name)
            return len(list(rows))

        return await gateway.context.database.read(work)

    transport: Any = httpx.ASGITransport(app=create_app(gateway.context))
    cut_off = 0
    async with httpx.AsyncClient(
        transport=transport, base_url=gateway.url, cookies=boss.cookies
    ) as client:
        for cut_ms in range(CUTS_MS):
            form = {**fields, "once": f"frm_{cut_ms}", "name": f"batch {cut_ms}"}
            sending = asyncio.create_task(client.post(page, data=form))
            await asyncio.sleep(cut_ms / 1000)
            sending.cancel()
            ended = await sending
            again = await client.post(page, data=form)

            assert await made(f"batch {cut_ms}") == 1
            # The codes of a committed batch aren't shown again.
            assert again.status_code in {200, 303}
            cut_off += ended.status_code == 503
    assert cut_off > 0
