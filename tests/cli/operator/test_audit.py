"""`topup audit` says what it stood on: nothing, or the proof before and the sealed days."""

import asyncio
from collections.abc import Sequence

import pytest

from billing.checkpoints.checkpoint import day_text
from billing.ledger.proof import LedgerProof, list_proofs
from kernel.clock import DAY_US, HOUR_US, SystemClock, day_start_us
from store.open import open_database
from tests.support.command_line import Topup, topup as topup
from tests.support.sealing import add_transfers


async def move_something(database_url: str) -> str:
    """One transfer; returns the last day that can be sealed."""
    database = open_database(database_url)
    # A day is sealed an hour after its end.
    day = day_start_us(SystemClock().now_us() - HOUR_US) - DAY_US
    await add_transfers(database, day - DAY_US)
    await database.close()
    return day_text(day)


async def proofs_of(database_url: str) -> Sequence[LedgerProof]:
    database = open_database(database_url)
    try:
        return await database.read(list_proofs)
    finally:
        await database.close()


@pytest.mark.one_database
def test_an_audit_says_on_which_sealed_days_it_relied(topup: Topup, database_url: str) -> None:
    last_day = asyncio.run(move_something(database_url))
    relied = f"live: relied on the sealed days up to {last_day}, "
    topup("accounts", "create", "--name", "Acme")
    topup("checkpoints", "seal")

    assert "relied" not in topup("audit").stderr
    first = topup("audit").stderr
    full = topup("audit", "--full").stderr

    # The first proof was full: it held all sealed days against their transfers.
    assert f"{relied}verified up to {last_day} at " in first
    assert "without a difference" in first
    assert "relied" not in full
    proofs = asyncio.run(proofs_of(database_url))
    assert [(one.is_full, one.findings, one.live_day is None) for one in proofs] == [
        (1, 0, True),
        (0, 0, False),
        (1, 0, True),
    ]
