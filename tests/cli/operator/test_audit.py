"""`topup audit` says what it stood on: nothing, or the proof before and the sealed days."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from billing.checkpoints.checkpoint import day_text
from billing.ledger.proof import LedgerProof, list_proofs
from billing.records.sealing import RecordSealer
from kernel.clock import DAY_US, HOUR_US, FixedClock, SystemClock, day_start_us
from keys.vault import Vault
from store.open import open_database
from tests.support.command_line import SECRET_KEY, Topup, result_of, topup as topup
from tests.support.sealed_records import add_audit, add_event, execute
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


@pytest.mark.one_database
def test_an_audit_names_what_no_head_covers_yet(topup: Topup, database_url: str) -> None:
    before = topup("audit", "--json")
    assert result_of(before)["unproved"] == {"since": None, "no_leaves_before": None, "rows": {}}
    assert "unproved: the record log has no head yet" in before.stderr

    assert result_of(topup("checkpoints", "seal", "--json"))["head"]["number"] == 1
    asyncio.run(note_something(database_url))
    found = topup("audit", "--json")

    unproved = result_of(found)["unproved"]
    assert unproved["rows"]["audit"] == 1
    assert unproved["since"] == unproved["no_leaves_before"]
    assert (
        f"unproved: 1 audit entry made since {unproved['since']}; the last signed head covers"
        in found.stderr
    )
    heads = result_of(topup("checkpoints", "heads", "--json"))["items"]
    assert [(one["number"], one["size"]) for one in heads] == [(1, 0)]
    assert topup("checkpoints", "verify").exit_code == 0


@pytest.mark.one_database
def test_an_audit_finds_a_sealed_row_that_was_changed(topup: Topup, database_url: str) -> None:
    asyncio.run(seal_and_change(database_url))

    found = topup("audit", "--json")

    assert found.exit_code == 1
    items = json.loads(found.stdout)["items"]
    assert [one["rule"] for one in items] == ["a sealed event is as it was"]
    assert topup("checkpoints", "verify", "--environment", "live").exit_code == 1
    assert topup("checkpoints", "verify", "--environment", "staging").exit_code == 0


async def note_something(database_url: str) -> None:
    database = open_database(database_url)
    await add_audit(database, SystemClock().now_us())
    await database.close()


async def seal_and_change(database_url: str) -> None:
    """An event of yesterday, sealed then and changed since."""
    database = open_database(database_url)
    vault = Vault([bytes.fromhex(SECRET_KEY)])
    now_us = SystemClock().now_us()
    for hours in (5, 3):
        await RecordSealer(database, vault, FixedClock(now_us - hours * HOUR_US)).seal()
        if hours == 5:
            event_id = await add_event(database, now_us - 4 * HOUR_US)
    await execute(database, "UPDATE events SET type = 'topup.failed' WHERE id = :id", id=event_id)
    await database.close()


@pytest.mark.one_database
def test_the_doctor_says_when_the_record_log_stands_still(topup: Topup, database_url: str) -> None:
    asyncio.run(seal_hours_ago(database_url, 5))

    findings = {one["part"]: one for one in json.loads(topup("doctor", "--json").stdout)}

    found = findings["checkpoints"]
    assert found["is_well"] is None
    assert "the record log was last signed 5 h ago" in found["detail"]
    assert "`topup checkpoints seal`" in found["detail"]
    topup("checkpoints", "seal")
    findings = {one["part"]: one for one in json.loads(topup("doctor", "--json").stdout)}
    assert findings["checkpoints"]["is_well"] is True


async def seal_hours_ago(database_url: str, hours: int) -> None:
    database = open_database(database_url)
    vault = Vault([bytes.fromhex(SECRET_KEY)])
    at_us = SystemClock().now_us() - hours * HOUR_US
    await RecordSealer(database, vault, FixedClock(at_us)).seal()
    await database.close()
