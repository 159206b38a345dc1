"""What pruning and erasing take away is explained by signed words; anything else that is gone is a finding."""

import asyncio
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from billing.checkpoints.jws import kid_of, public_of
from billing.records import record_log, removal
from billing.records.proving import prove_records
from billing.records.sealing import is_as_sealed, is_replay
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, FixedClock
from kernel.ids import made_at
from keys.vault import Vault
from store.database import Database
from store.erase import erase_account
from store.open import open_database
from tests.support.sealed_records import (
    BEGUN,
    MADE,
    add_delivery,
    add_each,
    add_event,
    begin_log,
    execute,
    insert,
    record_findings,
    seal_at,
)
from tests.support.sealing import DAY, VAULT
from worker.chores import erased_note, pruned_note, retention_chore, security_chore

SEALED = BEGUN + HOUR_US
LATER = BEGUN + 40 * DAY_US
KEPT_US = {"live": 30 * DAY_US, "staging": 30 * DAY_US}


async def prune(database: Database, at_us: int) -> None:
    clock = FixedClock(at_us)
    note = pruned_note(database, VAULT, clock)
    await retention_chore(database, clock, KEPT_US, pause_s=0, on_pruning=note).run()
    await security_chore(database, clock, 30 * DAY_US, pause_s=0, on_pruning=note).run()


async def open_tenant(database: Database, account_id: str = "acc_a") -> None:
    for environment in ("live", "staging"):
        await insert(
            database,
            "account_environments",
            account_id=account_id,
            environment=environment,
            event_no=1 << 40,
            created_at=DAY,
        )


async def test_what_retention_deletes_is_explained_by_a_watermark(database: Database) -> None:
    await open_tenant(database)
    await begin_log(database)
    ids = await add_each(database)
    await seal_at(database, SEALED)
    await prune(database, LATER)

    for table, gone in (("events", 0), ("deliveries", 0), ("attempts", 0), ("audit_log", 1)):
        row = await database.read(
            lambda tx: tx.fetch_one(f"SELECT COUNT(*) AS n FROM {table}")  # noqa: B023
        )
        assert row is not None
        assert row["n"] == gone, table
    assert await record_findings(database) == []

    # The entry that stays for ever is explained by no watermark.
    await execute(database, "DELETE FROM audit_log WHERE id = :id", id=ids["audit"])
    assert await record_findings(database) == [
        ("a sealed audit entry is still there", ids["audit"])
    ]


async def test_a_deletion_beyond_the_watermark_is_found(database: Database) -> None:
    await open_tenant(database)
    await begin_log(database)
    await add_each(database)
    young = await add_event(database, LATER - DAY_US)
    await seal_at(database, LATER)
    await prune(database, LATER)
    assert await record_findings(database) == []

    await execute(database, "DELETE FROM events WHERE id = :id", id=young)

    assert await record_findings(database) == [("a sealed event is still there", young)]


async def test_a_watermark_that_somebody_moved_explains_nothing(database: Database) -> None:
    await open_tenant(database)
    await begin_log(database)
    await seal_at(database, SEALED)
    young = await add_event(database, LATER - DAY_US)
    await seal_at(database, LATER)
    await prune(database, LATER)

    await execute(
        database,
        "UPDATE record_removals SET until_at = :until WHERE kind = 'event' AND subject = 'live'",
        until=LATER,
    )
    await execute(database, "DELETE FROM events WHERE id = :id", id=young)

    assert await record_findings(database) == [
        ("a watermark's signature holds", "event live"),
        ("a sealed event is still there", young),
    ]


async def test_a_watermark_under_a_key_that_somebody_added_explains_nothing(
    database: Database,
) -> None:
    """Whoever can write to the database can publish a key of their own, but can't seal it."""
    await open_tenant(database)
    await begin_log(database)
    young = await add_event(database, LATER - DAY_US)
    await seal_at(database, LATER)

    theirs = Vault([bytes([7]) * 32])
    await execute(database, "DELETE FROM sealed_keys")
    await database.transaction(
        lambda tx: removal.sign_removal(
            tx, theirs, kind="event", subjects=["live"], until=LATER, now_us=LATER
        )
    )
    await execute(database, "DELETE FROM events WHERE id = :id", id=young)

    rules = {rule for rule, _ in await record_findings(database)}
    assert rules >= {
        "a signing key is sealed by the master key",
        "a watermark's signature holds",
        "a sealed event is still there",
    }


async def test_an_erased_account_leaves_a_tombstone_and_no_salt(database: Database) -> None:
    await open_tenant(database)
    await begin_log(database)
    await insert(
        database,
        "accounts",
        id="acc_a",
        name="Acme",
        is_sandbox=1,
        created_at=DAY,
        last_active_at=DAY,
    )
    event = await add_event(database, MADE, environment="staging")
    delivery = await add_delivery(database, MADE, environment="staging")
    other = await add_event(database, MADE, 1, account_id="acc_b")
    await seal_at(database, SEALED)

    await erase_account(
        database,
        "acc_a",
        now_us=SEALED,
        idle_before=SEALED,
        first_of_all=erased_note(VAULT, "acc_a", now_us=SEALED),
    )
    await seal_at(database, SEALED + HOUR_US)

    assert await record_findings(database) == []
    (tile,) = await database.read(lambda tx: record_log.page(tx, day=DAY, from_number=0, limit=2))
    # The leaves stay, and the tree proves; nobody can say any more what was in them.
    assert {leaf.id for leaf in tile.leaves} == {event, delivery, other}
    names = {leaf.seed_name for leaf in tile.leaves}
    kept = await database.read(lambda tx: record_log.seeds(tx, names))
    assert {account_id for account_id, _ in kept} == {"acc_b"}


async def test_a_tombstone_that_nobody_signed_explains_nothing(database: Database) -> None:
    await begin_log(database)
    event = await add_event(database, MADE)
    await seal_at(database, SEALED)

    await insert(
        database, "record_removals", kind="account", subject="acc_a", until_at=LATER, jws="a.b.c"
    )
    await execute(database, "DELETE FROM events WHERE id = :id", id=event)

    assert await record_findings(database) == [
        ("a tombstone's signature holds", "acc_a"),
        ("a sealed event is still there", event),
    ]


async def test_salts_go_once_everything_of_their_period_is_pruned(database: Database) -> None:
    await open_tenant(database)
    await begin_log(database)
    await add_each(database)
    await seal_at(database, SEALED)
    names = [("acc_a", MADE // (30 * DAY_US)), ("acc_a", -1)]
    assert len(await database.read(lambda tx: record_log.seeds(tx, names))) == 2

    at_us = MADE + 61 * DAY_US
    await prune(database, at_us)
    await seal_at(database, at_us)

    assert set(await database.read(lambda tx: record_log.seeds(tx, names))) == {("acc_a", -1)}
    assert await record_findings(database) == []


async def test_a_replay_is_held_against_its_leaf(database: Database) -> None:
    await begin_log(database)
    body = b'{"amount_cents":500}'
    sealed = await add_event(database, MADE, body=body)
    fresh = await add_event(database, SEALED, 1, body=body)
    await seal_at(database, SEALED)

    assert await database.read(lambda tx: is_as_sealed(tx, sealed, body))
    assert await database.read(lambda tx: is_as_sealed(tx, fresh, body))
    changed = b'{"amount_cents":501}'
    for id_ in (sealed, fresh):
        await execute(
            database, "UPDATE events SET body = :body WHERE id = :id", body=changed, id=id_
        )
    assert not await database.read(lambda tx: is_as_sealed(tx, sealed, changed))
    # Nothing of it is sealed yet, and nothing is claimed of it.
    assert await database.read(lambda tx: is_as_sealed(tx, fresh, changed))
    assert is_replay(sealed, delivery_created_at=MADE + 2 * HOUR_US)
    assert not is_replay(sealed, delivery_created_at=MADE)


async def test_signing_keys_of_this_installation_are_known(database: Database) -> None:
    await begin_log(database)
    seed = bytes([9]) * 32
    kid = kid_of(public_of(seed))
    await insert(
        database,
        "signing_keys",
        kid=kid,
        number=0,
        public_key=public_of(seed),
        created_at=1,
    )

    found = [one async for one in prove_records(database, vault=VAULT)]
    assert [(one.rule, one.row_id) for one in found] == [
        ("a signing key is sealed by the master key", kid)
    ]
    # Who has no master key at hand takes the published keys at their word.
    assert [one async for one in prove_records(database)] == []


@pytest.fixture(scope="module")
def migrated(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "topup.db"
    shutil.copy(sqlite_template, path)
    return path


@settings(max_examples=12, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("event"), st.integers(0, 1)),  # of which account
            st.tuples(st.just("days"), st.integers(1, 20)),
            st.tuples(st.just("seal"), st.just(0)),
            st.tuples(st.just("prune"), st.just(0)),
            st.tuples(st.just("erase"), st.just(0)),
            st.tuples(st.just("tamper"), st.integers(0, 3)),
            st.tuples(st.just("delete"), st.integers(0, 3)),
        ),
        min_size=4,
        max_size=14,
    )
)
def test_whatever_is_pruned_erased_and_sealed_only_what_is_forged_is_found(
    migrated: Path, steps: list[tuple[str, int]]
) -> None:
    copy = migrated.with_name("copy.db")
    for left in migrated.parent.glob("copy.db*"):
        left.unlink()
    shutil.copy(migrated, copy)

    async def play() -> None:
        database = open_database(f"sqlite:///{copy}")
        try:
            await _play(database, steps)
        finally:
            await database.close()

    asyncio.run(play())


async def _play(database: Database, steps: list[tuple[str, int]]) -> None:
    story = _Story(database)
    for one in ("acc_a", "acc_b"):
        await open_tenant(database, one)
    await begin_log(database, BEGUN)
    for what, number in steps:
        await getattr(story, f"_{what}")(number)
    await story.check()


class _Story:
    """Events of two accounts, the second of which can be erased."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = BEGUN + HOUR_US
        self._number = 0
        self._is_erased = False
        self._watermark = 0
        self._there: dict[str, bool] = {}  # by event, whether it is of the second account
        self._sealed: dict[str, bool] = {}
        self._forged: set[str] = set()

    async def _event(self, second: int) -> None:
        if second and self._is_erased:
            return
        self._number += 1
        id_ = await add_event(
            self._database,
            self._now - 6 * MINUTE_US,
            self._number,
            account_id="acc_b" if second else "acc_a",
            event_no=self._number,
        )
        self._there[id_] = bool(second)

    async def _days(self, number: int) -> None:
        self._now += number * DAY_US

    async def _seal(self, _: int) -> None:
        await seal_at(self._database, self._now)
        self._sealed |= self._there

    async def _prune(self, _: int) -> None:
        await prune(self._database, self._now)
        self._watermark = self._now - 30 * DAY_US
        left = await self._database.read(lambda tx: tx.fetch("SELECT id FROM events"))
        kept = {row["id"] for row in left}
        self._there = {one: second for one, second in self._there.items() if one in kept}

    async def _erase(self, _: int) -> None:
        self._is_erased = True
        note = erased_note(VAULT, "acc_b", now_us=self._now)
        await erase_account(self._database, "acc_b", now_us=self._now, first_of_all=note)
        self._there = {one: second for one, second in self._there.items() if not second}

    async def _tamper(self, which: int) -> None:
        if which < len(self._there):
            id_ = sorted(self._there)[which]
            text = "UPDATE events SET transaction_id = 'x' WHERE id = :id"
            await execute(self._database, text, id=id_)
            self._forged |= {id_} & self._sealed.keys()

    async def _delete(self, which: int) -> None:
        if which < len(self._there):
            id_ = sorted(self._there)[which]
            await execute(self._database, "DELETE FROM events WHERE id = :id", id=id_)
            del self._there[id_]
            self._forged |= {id_} & self._sealed.keys()

    async def check(self) -> None:
        """What was forged is found, unless it is gone, and its age or its account's end explains that."""
        self._now += HOUR_US
        await seal_at(self._database, self._now)
        found = {row for _, row in await record_findings(self._database)}
        explained = {
            one
            for one in self._forged - self._there.keys()
            if made_at(one) < self._watermark or (self._is_erased and self._sealed[one])
        }
        # The salt of a period goes once all of the period is pruned; a row that stays can't be proved then.
        unsalted = {one for one in self._forged if made_at(one) < self._watermark}
        assert self._forged - explained - unsalted <= found <= self._forged - explained
