"""The audit of a large account works from the sealed days: what it finds there, and what another look has to."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest

from billing.checkpoints.checkpoint import TILE
from billing.checkpoints.sums import (
    TILES_PER_STEP,
    ProofBasis,
    add_sealed,
    add_some,
    open_basis,
    summed_day,
)
from billing.ledger.audit import SEALED_RULE, SMALL_AT_ONCE, WALKED_RULE
from billing.ledger.proof import note_proof
from billing.proof.audit import audit
from kernel.clock import DAY_US, HOUR_US
from store.database import Database
from tests.support.sealed_ledger import (
    FIRST,
    NOW,
    SECOND,
    THIRD,
    add_send,
    audited,
    execute,
    open_sealed_ledger,
    seal_two_days,
    sealed_findings_of,
    sealed_rows,
    small_accounts,
    topup_at,
)
from tests.support.sealing import DAY, add_transfers, findings_of, seal_days, transfer_at

ASSETS = "assets equal liabilities"
DELIVERED = "a delivered top-up credited its recipient once, any other never"
RECIPIENT = "a recipient's wallet holds what was delivered and neither redeemed nor reversed"
FAILED = "a failed top-up has a reason, and one that nothing was delivered of has no balance of its recipient"
OF_TOPUP = "a transfer of a top-up has its top-up"
OLD = transfer_at(FIRST)
NEW = transfer_at(THIRD)
_AMOUNT = "UPDATE transfers SET amount_micros = {} WHERE id = '{}'"
_STATE = "UPDATE topups SET status = '{}' WHERE id = '{}'"
_BALANCE = "UPDATE ledger_accounts SET balance_micros = balance_micros {} WHERE id = '{}'"
_SUM = (
    "UPDATE sealed_balances SET credits_micros = credits_micros {} WHERE ledger_account_id = '{}'"
)
# As good as deleted: where nobody looks, so that it can come back.
_AWAY = "UPDATE transfers SET id = '{}', environment = '{}' WHERE id = '{}'"
# What was done by hand, how it is undone, and the rules that the audit, the verifying and the full audit name.
ATTACKS: Sequence[tuple[list[str], list[str], set[str], set[str], set[str]]] = (
    (
        [_AMOUNT.format(3_000_000, OLD)],
        [_AMOUNT.format(2_000_000, OLD)],
        set(),
        {"a sealed transfer is as it was"},
        {WALKED_RULE, DELIVERED, RECIPIENT},
    ),
    (
        [_AWAY.format("gone", "nowhere", OLD)],
        [_AWAY.format(OLD, "live", "gone")],
        set(),
        {"a sealed transfer is still there"},
        {WALKED_RULE, DELIVERED, RECIPIENT},
    ),
    (
        [_SUM.format("+ 1", "lac_rec")],
        [_SUM.format("- 1", "lac_rec")],
        {SEALED_RULE},
        set(),
        {SEALED_RULE},
    ),
    (
        [_SUM.format("+ 1", "lac_rec"), _BALANCE.format("+ 1", "lac_rec")],
        [_SUM.format("- 1", "lac_rec"), _BALANCE.format("- 1", "lac_rec")],
        {ASSETS},
        set(),
        {ASSETS, WALKED_RULE},
    ),
    (
        [_BALANCE.format("+ 1", "lac_rec"), _BALANCE.format("- 1", "lac_wallet")],
        [_BALANCE.format("- 1", "lac_rec"), _BALANCE.format("+ 1", "lac_wallet")],
        {SEALED_RULE},
        set(),
        {SEALED_RULE, WALKED_RULE},
    ),
    (
        [_STATE.format("failed", topup_at(FIRST))],
        [_STATE.format("delivered", topup_at(FIRST))],
        set(),
        set(),
        {DELIVERED, RECIPIENT, FAILED},
    ),
    (
        [_STATE.format("failed", topup_at(SECOND))],
        [_STATE.format("delivered", topup_at(SECOND))],
        {DELIVERED, RECIPIENT, FAILED},
        set(),
        {DELIVERED, RECIPIENT, FAILED},
    ),
    (
        [_AWAY.format("gone", "nowhere", NEW)],
        [_AWAY.format(NEW, "live", "gone")],
        {SEALED_RULE, DELIVERED, RECIPIENT},
        set(),
        {SEALED_RULE, WALKED_RULE, DELIVERED, RECIPIENT},
    ),
)


@pytest.mark.one_database
async def test_each_change_by_hand_is_named_by_a_look(database: Database) -> None:
    await open_sealed_ledger(database)
    await seal_two_days(database)
    assert await audited(database, is_full=False) == set()
    assert await audited(database, is_full=True) == set()

    for done, undone, by_audit, by_verifying, by_full_audit in ATTACKS:
        await execute(database, *done)
        assert await audited(database, is_full=False) == by_audit, done
        assert {one.rule for one in await findings_of(database)} == by_verifying, done
        assert await audited(database, is_full=True) == by_full_audit, done
        await execute(database, *undone)

    assert await audited(database, is_full=True) == set()


@pytest.mark.parametrize(("done", "by_audit"), [(attack[0], attack[2]) for attack in ATTACKS])
async def test_small_accounts_are_told_the_same_of_their_sums(
    database: Database, done: list[str], by_audit: set[str]
) -> None:
    await open_sealed_ledger(database)
    await seal_two_days(database)
    # More than one statement's worth.
    await small_accounts(database, SMALL_AT_ONCE + 1)
    await execute(database, *done)

    found = await sealed_findings_of(database, whole_up_to=100)

    assert {one.rule for one in found} == by_audit & {SEALED_RULE}
    assert found == await sealed_findings_of(database, whole_up_to=0)


async def test_a_small_account_is_told_of_a_transfer_between_unknown_ledger_accounts(
    database: Database,
) -> None:
    await open_sealed_ledger(database)
    await seal_two_days(database)
    await add_transfers(
        database, THIRD, first=100, account_id="acc_b", debit_id="lac_x", credit_id="lac_y"
    )

    found = await sealed_findings_of(database, whole_up_to=100)

    # $1.00 and 100 micros.
    assert {(one.row_id, one.expected, one.found) for one in found} == {
        ("lac_x", -1_000_100, 0),
        ("lac_y", 1_000_100, 0),
    }


async def test_small_accounts_share_the_statements_of_their_sums(database: Database) -> None:
    await open_sealed_ledger(database)
    await seal_two_days(database)

    async def statements(basis: ProofBasis | None) -> int:
        before = database.statements_run
        assert [one async for one in audit(database, basis=basis)] == []
        return database.statements_run - before

    more = []
    for count in (0, SMALL_AT_ONCE - 2):
        await small_accounts(database, count)
        alone = await statements(None)
        more.append(await statements(ProofBasis(database, since_us=0, now_us=NOW)) - alone)

    assert more[1] == more[0]


async def test_the_sums_have_each_accounts_own_transfers(database: Database) -> None:
    await open_sealed_ledger(database)
    await seal_two_days(database)

    assert await sealed_rows(database) == [
        ("lac_b_manual", 0, 5_000_000, 0, 0, 0),
        ("lac_b_wallet", 0, 0, 5_000_000, 0, 0),
        ("lac_manual", 0, 10_000_000, 0, 0, 0),
        ("lac_rec", 1, 0, 3_000_000, 0, 2_000_000),
        ("lac_wallet", 1, 3_000_000, 10_000_000, 2_000_000, 10_000_000),
    ]


async def test_a_late_transfer_counts_once_before_its_checkpoint_and_after(
    database: Database,
) -> None:
    await open_sealed_ledger(database)
    await seal_two_days(database)

    # It was made within the second day, and committed after that was sealed.
    await add_send(database, SECOND + HOUR_US, 3)
    assert await audited(database, is_full=False) == {SEALED_RULE}
    await execute(
        database,
        _BALANCE.format("+ 3000000", "lac_rec"),
        _BALANCE.format("- 3000000", "lac_wallet"),
    )
    assert await audited(database, is_full=False) == set()

    await seal_days(database, 3)
    await add_sealed(database)
    assert await audited(database, is_full=False, now_us=NOW + DAY_US) == set()
    assert ("lac_rec", 2, 0, 7_000_000, 0, 3_000_000) in await sealed_rows(database)


async def test_days_sealed_before_there_were_sums_are_added_in_steps(database: Database) -> None:
    await open_sealed_ledger(database)
    many = TILES_PER_STEP * TILE + 1
    times = range(DAY + DAY_US, DAY + DAY_US + many)
    await add_transfers(
        database, *times, first=100, account_id="acc_c", debit_id="lac_x", credit_id="lac_y"
    )
    await seal_days(database, 2)
    # Without sums the balances are added up from the first transfer on.
    assert await audited(database, is_full=False) == set()
    await execute(database, _BALANCE.format("+ 1", "lac_b_wallet"))
    assert await audited(database, is_full=False) == {ASSETS, WALKED_RULE}
    await execute(database, _BALANCE.format("- 1", "lac_b_wallet"))

    # The first day whole, then a part of the second: who reads sees the first day alone.
    for _ in range(2):
        assert await add_some(database, "live")
    assert await database.read(partial(summed_day, environment="live")) == DAY
    assert await audited(database, is_full=False, now_us=NOW) == set()
    # Two workers at once, and one that begins again.
    await asyncio.gather(add_sealed(database), add_sealed(database))
    await add_sealed(database)

    assert await database.read(partial(summed_day, environment="live")) == DAY + DAY_US
    sums = {row[0]: row[2:4] for row in await sealed_rows(database)}
    # 513 transfers of $1.00 and 100 to 612 micros.
    assert sums["lac_y"] == (0, 513_000_000 + 182_628)
    assert sums["lac_rec"] == (0, 3_000_000)
    assert await audited(database, is_full=False) == set()


async def test_what_was_changed_before_it_was_added_is_in_no_sum(
    database: Database,
) -> None:
    await open_sealed_ledger(database)
    await seal_days(database, 2)
    await execute(database, _AMOUNT.format(1, transfer_at(SECOND)))

    await add_sealed(database)

    assert await database.read(partial(summed_day, environment="live")) == DAY


@pytest.mark.one_database
async def test_a_proof_stands_on_none_that_is_dated_after_it(database: Database) -> None:
    async def prove(began_at: int, findings: int) -> None:
        note = partial(note_proof, began_at=began_at, ended_at=began_at, findings=findings)
        await database.transaction(note)

    # By a clock that was a year ahead.
    await prove(NOW + 365 * DAY_US, 0)
    assert (await open_basis(database, is_full=False, now_us=NOW)).is_full

    await prove(NOW - 3 * HOUR_US, 0)
    await prove(NOW - 2 * HOUR_US, 1)
    basis = await open_basis(database, is_full=False, now_us=NOW)
    # 26 hours before the last one that found nothing.
    assert basis.since_us == NOW - 29 * HOUR_US
