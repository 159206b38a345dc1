"""Every route answers with the bytes that were recorded, in the order of fields that they have there.

After a change that callers are to see, `TOPUP_RECORD=1 pytest tests/gateway/answers` writes the files
anew, and their difference belongs into the same commit.
"""

import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.http.routing import Router
from gateway.surfaces import SURFACES
from kernel.clock import FixedClock
from tests.gateway.answers import (
    document_walks,
    login_walks,
    mandate_walks,
    own_walks,
    payment_walks,
    plain_walks,
    plan_walks,
    refund_walks,
    selling_walks,
    topup_walks,
    webhook_walks,
)
from tests.gateway.answers.recorder import FOLDER, Recorder
from tests.support.gateway import running, settings_of

IS_RECORDING = bool(os.environ.get("TOPUP_RECORD"))
Walk = Callable[[Recorder], Awaitable[None]]
WALKS: dict[str, Walk] = {
    "topups": topup_walks.topups,
    "bulk": topup_walks.bulk,
    "wallets": own_walks.wallets,
    "vouchers": own_walks.vouchers,
    "approvals": own_walks.approvals,
    "sandbox": own_walks.sandbox,
    "usage": own_walks.usage,
    "entitlements": own_walks.entitlements,
    "fulfilments": own_walks.fulfilments,
    "keys": own_walks.keys,
    "logins": login_walks.logins,
    "mandates": mandate_walks.mandates,
    "webhooks": webhook_walks.endpoints,
    "deliveries": webhook_walks.deliveries,
    "orders": selling_walks.orders,
    "receipts": document_walks.receipts,
    "refunds": refund_walks.refunds,
    "subscriptions": plan_walks.subscriptions,
    "billing-api": selling_walks.billing_api,
    "newapi": selling_walks.newapi,
    "resayil": selling_walks.resayil,
    "ohmygpt": selling_walks.ohmygpt,
    "x402": payment_walks.x402,
    "plain": plain_walks.plain,
    "notifications": plain_walks.notifications,
}


@pytest.mark.parametrize("name", WALKS)
async def test_each_answer_is_as_it_was_recorded(
    name: str, sqlite_template: Path, tmp_path: Path, clock: FixedClock
) -> None:
    database = tmp_path / "topup.db"
    shutil.copy(sqlite_template, database)
    settings = settings_of(
        f"sqlite:///{database}",
        tmp_path,
        platforms=(own_walks.PLATFORM,),
        newapi_discount="100:0.95",
    )
    async with running(settings, clock) as gateway:
        to = Recorder(gateway, clock, tmp_path)
        await WALKS[name](to)

    file = FOLDER / f"{name}.txt"
    if IS_RECORDING:
        file.write_text(to.written(), encoding="utf-8")
    assert to.written() == file.read_text(encoding="utf-8")


def test_each_route_has_a_recorded_answer() -> None:
    recorded = {
        line.removeprefix("=== ")
        for file in FOLDER.glob("*.txt")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("=== ")
    }

    listed = {
        f"{method} {resource.template}"
        for resource in Router(SURFACES)
        for method in resource.routes
    }
    # A stream has no end; its head and its refusals are recorded.
    assert listed - recorded == set()
