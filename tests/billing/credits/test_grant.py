"""A grant is marked as spent exactly while it holds nothing, in whatever batch that came about."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings, strategies as st

from billing.credits import grant as grants
from kernel.clock import FixedClock, parse_rfc3339
from kernel.errors import DomainError
from store.database import Database, Transaction
from store.open import open_database
from tests.support.funded_account import FundedAccount, open_funded_account
from tests.support.usage import grant, hold, release, sweep, use

HOUR_US = 3_600_000_000


async def marked_wrongly(database: Database) -> list[str]:
    """Grants whose mark and balance disagree."""

    async def work(tx: Transaction) -> list[str]:
        rows = await tx.fetch(
            """SELECT id FROM ledger_accounts
               WHERE is_spent <> CASE WHEN kind = 'grant' AND balance_micros = 0 THEN 1 ELSE 0 END"""
        )
        return [row["id"] for row in rows]

    return await database.read(work)


async def test_a_grant_made_and_emptied_by_one_batch_is_never_looked_at_again(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    expires_at = clock.now_us() + HOUR_US

    await asyncio.gather(grant(account, 500, expires_at=expires_at), use(account, 500))

    clock.advance_s(3600)
    assert await marked_wrongly(database) == []
    assert await sweep(account) == 0


async def test_one_that_gets_something_back_counts_again(
    database: Database, clock: FixedClock
) -> None:
    account = await open_funded_account(database, clock)
    _, held = await asyncio.gather(grant(account, 500, expires_at=None), hold(account, 500))

    await release(account, held.hold.id)

    assert await marked_wrongly(database) == []
    assert (await account.balance())["promotional_cents"] == 0  # 500 micros are less than a cent
    await use(account, 500)
    assert await marked_wrongly(database) == []


action = st.tuples(
    st.sampled_from(["grant", "brief", "use", "hold", "release", "wait"]), st.integers(1, 900)
)


async def _act(account: FundedAccount, name: str, micros: int, held: list[str]) -> None:
    try:
        if name in {"grant", "brief"}:
            seconds = 60 if name == "brief" else 86_400
            await grant(account, micros, expires_at=account.clock.now_us() + seconds * 1_000_000)
        elif name == "use":
            await use(account, micros)
        elif name == "hold":
            held.append((await hold(account, micros)).hold.id)
        elif name == "release" and held:
            await release(account, held.pop())
        elif name == "wait":
            account.clock.advance_s(30)
            await sweep(account)
    except DomainError:
        pass


async def _run(path: Path, plan: list[list[tuple[str, int]]]) -> None:
    database = open_database(f"sqlite:///{path}")
    account = await open_funded_account(database, FixedClock(parse_rfc3339("2026-06-13T12:00:00Z")))
    held: list[str] = []
    for group in plan:
        await asyncio.gather(*(_act(account, name, micros, held) for name, micros in group))
        assert await marked_wrongly(database) == []
    account.clock.advance_s(2 * 86_400)
    while await sweep(account):
        pass
    now_us = account.clock.now_us()
    left = await database.read(lambda tx: grants.tenants_with_expired(tx, now_us=now_us, limit=1))
    assert left == []
    assert await account.findings() == []
    await account.engine.close()
    await database.close()


@given(plan=st.lists(st.lists(action, min_size=1, max_size=6), max_size=6))
@settings(max_examples=25, deadline=None)
def test_after_any_mix_of_commands_every_mark_is_right(
    sqlite_template: Path, plan: list[list[tuple[str, int]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topup.db"
        shutil.copy(sqlite_template, path)
        asyncio.run(_run(path, plan))
