"""Each change by hand of a sealed row is found and named; what is newer than the last head is named as unproved."""

from typing import Any

import pytest

from billing.records.proving import unproved
from kernel.clock import HOUR_US, MINUTE_US
from store.database import Database
from tests.support.sealed_records import (
    BEGUN,
    MADE,
    add_audit,
    add_delivery,
    add_each,
    add_event,
    begin_log,
    execute,
    record_findings,
    seal_at,
    unproved_rows,
)
from tests.support.sealing import DAY, seal_days

SEALED = BEGUN + HOUR_US

CHANGES: dict[str, tuple[str, str, str]] = {
    "an event's body": (
        "event",
        "UPDATE events SET body = :other WHERE id = :id",
        "a sealed event is as it was",
    ),
    "an event's type": (
        "event",
        "UPDATE events SET type = 'topup.failed' WHERE id = :id",
        "a sealed event is as it was",
    ),
    "an event's number": (
        "event",
        "UPDATE events SET event_no = event_no + 1 WHERE id = :id",
        "a sealed event is as it was",
    ),
    "an event's account": (
        "event",
        "UPDATE events SET account_id = 'acc_b' WHERE id = :id",
        "a sealed event is as it was",
    ),
    "an event that is deleted": (
        "event",
        "DELETE FROM events WHERE id = :id",
        "a sealed event is still there",
    ),
    "the newest audit entry, deleted": (
        "security",
        "DELETE FROM audit_log WHERE id = :id",
        "a sealed audit entry is still there",
    ),
    "what an audit entry says": (
        "audit",
        "UPDATE audit_log SET after = '{}' WHERE id = :id",
        "a sealed audit entry is as it was",
    ),
    "an act that becomes one that retention deletes": (
        "audit",
        "UPDATE audit_log SET is_security = 1 WHERE id = :id",
        "a sealed audit entry is as it was",
    ),
    "a failed delivery that becomes delivered": (
        "failed",
        "UPDATE deliveries SET status = 'delivered' WHERE id = :id",
        "a sealed delivery is as it was",
    ),
    "a delivery that is open again": (
        "delivery",
        "UPDATE deliveries SET status = 'pending', next_attempt_at = 1 WHERE id = :id",
        "a sealed delivery is as it was",
    ),
    "a delivery that is deleted": (
        "delivery",
        "DELETE FROM deliveries WHERE id = :id",
        "a sealed delivery is still there",
    ),
    "an attempt that is deleted": (
        "delivery",
        "DELETE FROM attempts WHERE delivery_id = :id",
        "a sealed delivery is as it was",
    ),
    "an attempt's answer": (
        "failed",
        "UPDATE attempts SET http_status = 500 WHERE delivery_id = :id",
        "a sealed delivery is as it was",
    ),
    "a transfer of an hour ago": (
        "transfer",
        "UPDATE transfers SET amount_micros = amount_micros + 1 WHERE id = :id",
        "a sealed transfer is as it was",
    ),
    "why an operator gave credit": (
        "adjustment",
        "UPDATE credit_adjustments SET reason = 'sold' WHERE id = :id",
        "a sealed credit adjustment is as it was",
    ),
    "a document's facts": (
        "document",
        "UPDATE billing_documents SET facts = '{\"total\":1}' WHERE id = :id",
        "a sealed billing document is as it was",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.sampled(3)
async def test_a_change_by_hand_is_found(database: Database, change: str) -> None:
    await begin_log(database)
    ids = await add_each(database)
    await seal_at(database, SEALED)
    assert await record_findings(database) == []

    name, text, rule = CHANGES[change]
    values: dict[str, Any] = {"id": ids[name]}
    if ":other" in text:
        values["other"] = b'{"amount_cents":501}'
    await execute(database, text, **values)

    assert await record_findings(database) == [(rule, ids[name])]


SEALS: dict[str, tuple[str, str]] = {
    "a leaf of a tile": (
        """UPDATE record_tiles SET leaves = (
               SELECT o.leaves FROM record_tiles o WHERE o.number = 1) WHERE number = 0""",
        "a head's leaves make its root",
    ),
    "a head's size": (
        "UPDATE record_heads SET size = size - 1 WHERE number = 2",
        "a head is what was signed",
    ),
    "up to when a head says that all is sealed": (
        "UPDATE record_heads SET sealed_to = 0 WHERE number = 2",
        "a head is what was signed",
    ),
    "when a head was signed": (
        "UPDATE record_heads SET sealed_at = sealed_at - 3600000000 WHERE number = 2",
        "a head is what was signed",
    ),
    "a head that is deleted": (
        "DELETE FROM record_heads WHERE number = 2",
        "a head follows the one before it",
    ),
    "a head's signature": (
        """UPDATE record_heads SET jws = (SELECT o.jws FROM record_heads o WHERE o.number = 1)
           WHERE number = 2""",
        "a head is what was signed",
    ),
    "the mark, set back": (
        "UPDATE record_marks SET size = 0 WHERE id = 'records'",
        "the log goes on from its last head",
    ),
    "a salt that is deleted": (
        "DELETE FROM record_seeds WHERE period = -1 AND account_id = 'acc_a'",
        "the salt of a sealed audit entry is still there",
    ),
}


@pytest.mark.parametrize("change", SEALS)
async def test_a_change_of_the_seals_is_found(database: Database, change: str) -> None:
    await begin_log(database)
    await add_each(database)
    for number in range(300):
        await add_event(database, MADE + MINUTE_US, number)
    await seal_at(database, SEALED)
    await seal_at(database, SEALED + HOUR_US)
    assert await record_findings(database) == []

    text, rule = SEALS[change]
    await execute(database, text)

    assert rule in {found for found, _ in await record_findings(database)}


async def test_what_is_newer_than_the_last_head_is_named(database: Database) -> None:
    await begin_log(database)
    await add_each(database)
    await seal_at(database, SEALED)
    assert set((await unproved_rows(database)).values()) == {0}

    await add_event(database, SEALED)
    await add_event(database, SEALED, 1)
    await add_audit(database, SEALED)
    await add_delivery(database, SEALED, status="pending")

    found = await unproved(database)
    assert found.rows == {
        "transfer": 0,
        "event": 2,
        "audit": 1,
        "delivery": 1,
        "document": 0,
        "adjustment": 0,
    }
    # Five minutes before the last head was signed: what commits meanwhile is the next one's.
    assert found.since == SEALED - 5 * MINUTE_US
    assert found.before == BEGUN - 5 * MINUTE_US


async def test_rows_of_before_the_log_are_no_findings(database: Database) -> None:
    old = await add_event(database, BEGUN - HOUR_US)
    await begin_log(database)
    await seal_at(database, SEALED)

    await execute(database, "UPDATE events SET type = 'topup.failed' WHERE id = :id", id=old)

    assert await record_findings(database) == []
    assert (await unproved(database)).before == BEGUN - 5 * MINUTE_US


async def test_a_row_that_is_slipped_in_behind_the_seal_is_found(database: Database) -> None:
    await begin_log(database)
    await seal_at(database, BEGUN + 6 * HOUR_US)

    forged = await add_audit(database, MADE)
    await seal_at(database, BEGUN + 7 * HOUR_US)

    assert await record_findings(database) == [("an old audit entry is sealed", forged)]


async def test_a_checkpoint_that_is_taken_away_is_missed(database: Database) -> None:
    await begin_log(database)
    await add_each(database)
    await seal_days(database, 1)
    await seal_at(database, SEALED + 24 * HOUR_US)
    assert await record_findings(database) == []

    await execute(
        database,
        "DELETE FROM checkpoints WHERE environment = 'live' AND day_start_at = :day",
        day=DAY,
    )

    assert await record_findings(database) == [
        ("a checkpoint that a head names is still there", "2")
    ]
