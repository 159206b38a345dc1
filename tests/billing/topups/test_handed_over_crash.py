"""A worker that dies while it delivers a code: the code is one top-up's or nobody's, and never two top-ups'."""

import asyncio
import os
import signal
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from billing.engine.engine import Engine
from billing.topups.fulfilment import Settle
from billing.topups.platform import BUILT_IN
from billing.topups.rules import LinkTokens, TopUpRules, VoucherCodes
from billing.topups.supplier_words import digest_of
from billing.topups.topup import Deliverable, TopUp, load
from kernel.clock import FixedClock
from kernel.errors import Unavailable
from kernel.tenant import Tenant
from store.database import Database
from store.errors import StoreError
from store.open import open_database
from tests.support.funded_account import SLOW, FundedAccount, open_engine, open_funded_account
from tests.support.mortal_database import MortalDatabase
from tests.support.platform_book import same_everywhere

ROOT = Path(__file__).resolve().parents[3]
CODES, OF_ROUND = 120, 40
NOW_US = 1_780_000_000_000_000
_PROGRAM = """
import asyncio, sys
from tests.billing.topups.test_handed_over_crash import deliver_each
asyncio.run(deliver_each(*sys.argv[1:]))
"""


def engine_on(database: Database, clock: FixedClock) -> Engine:
    """An engine as every process of one installation has it: under the same key."""
    key = bytes(32)
    book = same_everywhere([*BUILT_IN, SLOW])
    return open_engine(database, clock, TopUpRules(book, VoucherCodes(key), LinkTokens(key)))


async def opened(database: Database, clock: FixedClock) -> FundedAccount:
    account = await open_funded_account(database, clock)
    return replace(account, engine=engine_on(database, clock))


async def pending(account: FundedAccount) -> str:
    """A top-up that its supplier `slow` was asked for once."""
    topup_id = (await account.send(1000, platform="slow")).topup.id
    await account.hand_over(topup_id, 0)
    return topup_id


async def delivered(engine: Engine, tenant: Tenant, topup_id: str, code: str) -> TopUp:
    given = Deliverable("code", code)
    told = Settle(topup_id, tenant, "delivered", given=given, by="slow", cost_cents=900)
    return (await engine.submit(told)).topup


async def deliver_each(url: str, account_id: str, first: str, ids: str) -> None:
    """The work of a process that is killed: the nth code for the nth top-up."""
    engine = engine_on(open_database(url), FixedClock(NOW_US))
    tenant = Tenant(account_id, "staging")
    for number, topup_id in enumerate(ids.split(","), int(first)):
        await delivered(engine, tenant, topup_id, f"GIFT-0000-{number:04}")
        sys.stdout.write("delivered\n")
        sys.stdout.flush()


async def owners(database: Database) -> dict[str, str]:
    """Digest -> the top-up that has it."""
    rows = await database.read(
        lambda tx: tx.fetch("SELECT digest, transaction_id FROM handed_over")
    )
    return {row["digest"]: row["transaction_id"] for row in rows}


@pytest.mark.parametrize("is_committed", [False, True], ids=["before", "after"])
async def test_a_death_around_the_commit_leaves_the_code_to_one_top_up(
    database: Database, clock: FixedClock, *, is_committed: bool
) -> None:
    account = await opened(database, clock)
    tenant = account.principal.tenant
    first, second = await pending(account), await pending(account)
    mortal = MortalDatabase(database, 1, is_committed=is_committed)
    dying = engine_on(cast(Database, mortal), clock)
    with pytest.raises((StoreError, Unavailable)):
        await delivered(dying, tenant, first, "GIFT-1234-5678")
    assert mortal.is_dead

    # Before its commit nothing of it is left, so the code is another top-up's; after it, it is the first one's.
    other = await delivered(account.engine, tenant, second, "GIFT-1234-5678")
    again = await delivered(account.engine, tenant, first, "GIFT-1234-5678")

    ends = ("pending", "delivered") if is_committed else ("delivered", "pending")
    assert (other.status, again.status) == ends
    digest = digest_of(account.rules.codes, "GIFT-1234-5678")
    assert await owners(database) == {digest: first if is_committed else second}
    assert (await account.balance())["held_cents"] == 1000
    assert await account.findings() == []
    await dying.close()


async def test_processes_that_are_killed_while_they_deliver_the_same_codes_deliver_each_once(
    database: Database, database_url: str, clock: FixedClock
) -> None:
    """Two at a time, each with top-ups of its own and the same codes, killed by SIGKILL over and over."""
    account = await opened(database, clock)
    tenant, codes = account.principal.tenant, account.rules.codes
    sides = [[await pending(account) for _ in range(CODES)] for _ in range(2)]
    for first in range(0, CODES, OF_ROUND):
        # Each round has codes of its own, so that a kill comes amid deliveries.
        ids = [",".join(side[first : first + OF_ROUND]) for side in sides]
        both = [await _start(database_url, tenant.account_id, str(first), one) for one in ids]
        await asyncio.gather(*(_killed_amid(one) for one in both))

    for side in sides:
        for number, topup_id in enumerate(side):
            await delivered(account.engine, tenant, topup_id, f"GIFT-0000-{number:04}")

    found = await database.read(lambda tx: load(tx, [*sides[0], *sides[1]]))
    assert Counter(one.status for one in found.values()) == {"delivered": CODES, "pending": CODES}
    values = {
        codes.issued(one.id, one.fulfilment_code): one.id
        for one in found.values()
        if one.status == "delivered"
    }
    assert sorted(values) == [f"GIFT-0000-{number:04}" for number in range(CODES)]
    assert {one.needs_review for one in found.values() if one.status == "pending"} == {True}
    # What a killed one had entered and not committed is nobody's.
    assert await owners(database) == {digest_of(codes, value): id_ for value, id_ in values.items()}
    assert (await account.balance())["held_cents"] == 1000 * CODES
    assert await account.findings() == []


async def _start(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _PROGRAM, *words),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


async def _killed_amid(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    for _ in range(3):
        assert await process.stdout.readline() == b"delivered\n"
    os.kill(process.pid, signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
