"""A database of the last build before the baseline, taken over and billed: what was begun there goes on here.

The recording holds the rows of schema 0080 and Stripe's objects: seven accounts amid their lives. Commit 889f87b and
the stand-in made them on 21 September 2026, and the migrations before the baseline brought them to 0080.
"""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kernel.clock import FixedClock
from store.database import Transaction
from store.migrate import migrate
from store.open import open_database
from store.schema import metadata
from store.version import BASELINE, BEFORE_BASELINE
from tests.conftest import SERVER_URL
from tests.support.postgres_server import create_database, drop_database
from tests.support.programs import NO_SERVER, missing
from tests.support.recordings import recorded
from tests.support.stripe_api import refunds
from tests.support.stripe_api.checkout import Asked
from tests.support.stripe_api.params import Params, decoded
from tests.support.stripe_api.server import StripeApi
from tests.support.stripe_life import Life, Lives, open_lives

RECORDED = json.loads(recorded("upgrade/0080.json"))
PRICES = {(plan, way): price for plan, way, price in RECORDED["prices"]}


@pytest.fixture(params=["sqlite", "postgresql"])
def unmigrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.db'}"
        return
    if not SERVER_URL:
        missing(NO_SERVER)
    name = f"topup_upgrade_{os.getpid()}"
    yield create_database(SERVER_URL, name)
    drop_database(SERVER_URL, name)


@pytest.fixture
def upgraded(unmigrated: str) -> str:
    """The database of the build before the baseline, brought to today's schema."""
    migrate(unmigrated, revision=BASELINE)
    asyncio.run(fill(unmigrated))
    migrate(unmigrated)
    return unmigrated


async def fill(url: str) -> None:
    """Write the rows of the build before, and its schema version."""
    tables = RECORDED["tables"]

    async def work(tx: Transaction) -> None:
        found = [table.name for table in metadata.sorted_tables if table.name in tables]
        for name in reversed(found):  # what the migrations put there is among the rows
            await tx.execute(f"DELETE FROM {name}")
        for name in found:
            rows = [[_value(one) for one in row] for row in tables[name]["rows"]]
            await tx.insert(name, tables[name]["columns"], rows)
        await tx.execute("UPDATE alembic_version SET version_num = :before", before=BEFORE_BASELINE)

    database = open_database(url)
    await database.transaction(work, durable=False)
    await database.close()


def _value(one: Any) -> Any:
    return bytes.fromhex(one["bytes"]) if isinstance(one, dict) else one


def restore(stripe: StripeApi) -> None:
    """Stripe as it was then."""
    account, kept = stripe.account, RECORDED["stripe"]
    account.now_s = kept["now_s"]
    account.restore(kept["kept"], kept["numbers"])
    account.cards = kept["cards"]
    for session, asked in kept["unseen"].items():
        rows = [(account.find("price", price), count) for price, count in asked["rows"]]
        account.unseen[session] = Asked(
            rows, asked["trial_end"], asked["discounts"], Params(asked["params"])
        )


def life_of(lives: Lives, name: str) -> Life:
    known = RECORDED["names"][name]
    return Life(
        lives.gateway, lives.stripe, lives.clock, known["account_id"], known["key"], lives.prices
    )


async def credit_of(lives: Lives, name: str) -> tuple[int, str | None]:
    """Credit in micros beyond the test credit, and the subscription's status."""
    found = await life_of(lives, name).outcome()
    return found.micros, found.status


async def test_what_the_release_before_began_is_billed_on(upgraded: str, tmp_path: Path) -> None:
    clock = FixedClock(RECORDED["now_us"])
    async with open_lives(upgraded, tmp_path, clock, prices=PRICES) as lives:
        restore(lives.stripe)
        before = {name: await credit_of(lives, name) for name in RECORDED["names"]}
        payer, names = life_of(lives, "payer"), RECORDED["names"]
        account = lives.stripe.account

        assert lives.stripe.pay(names["payer"]["session"])
        refunds.make_refund(account, decoded(f"charge={names['buyer']['charge']}&amount=300"))
        refunds.close_dispute(account, names["disputed"]["dispute"], is_won=True)
        await payer.hear()
        await life_of(lives, "buyer").spend(100)
        # To 2 October: one renewal is paid, one is refused, and one plan ends.
        await payer.pass_days(11)

        after = {name: await credit_of(lives, name) for name in RECORDED["names"]}
        findings = await lives.findings()

    # 20.00 less 2.00 refunded and 5.00 used.
    assert before == {
        "buyer": (13_000_000, None),
        "waiting": (0, None),
        "disputed": (0, None),
        "subscriber": (10_000_000, "active"),
        "ending": (40_000_000, "active"),
        "late": (10_000_000, "active"),
        "payer": (0, None),
    }
    assert after == {
        # 3.00 more are refunded, and 1.00 is used.
        "buyer": (9_000_000, None),
        "waiting": (0, None),
        "disputed": (10_000_000, None),
        "subscriber": (20_000_000, "active"),
        "ending": (40_000_000, "cancelled"),
        "late": (10_000_000, "past_due"),
        "payer": (30_000_000, None),
    }
    assert findings == []
