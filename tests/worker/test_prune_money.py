"""Old uses of entitlements and closed differences of money go; what still counts stays."""

from kernel.clock import DAY_US, FixedClock
from store.database import Database, Transaction
from tests.support.dispatcher import rows
from worker.chores import money_chore

KEPT_US = {"staging": 30 * DAY_US, "live": 400 * DAY_US}


async def test_old_uses_and_closed_differences_go_and_what_is_open_or_seen_stays(
    database: Database, clock: FixedClock
) -> None:
    now_us, old_us = clock.now_us(), clock.now_us() - 30 * DAY_US - 1
    uses = [("acc_1", "staging", "old", old_us), ("acc_2", "staging", "old", now_us)]
    uses += [("acc_1", "live", "old", old_us), ("acc_1", "staging", "new", old_us + 1)]
    differences = [
        ("mdf_1", old_us, old_us),  # closed, and not seen since
        ("mdf_2", old_us, now_us),  # closed, and still there
        ("mdf_3", None, old_us),  # open
    ]

    async def given(tx: Transaction) -> None:
        columns = ("account_id", "environment", "reference", "created_at", "name", "count")
        await tx.insert("entitlement_uses", columns, [(*use, "seats", 1) for use in uses])
        of_difference: tuple[str, ...] = (
            "id",
            "subject_id",
            "closed_at",
            "seen_at",
            "since",
            "environment",
        )
        of_difference += ("account_id", "part", "kind", "expected", "found", "unit", "detail")
        found = [
            (id_, id_, closed_at, seen_at, 1, "staging", "", "ledger", "rule", 0, 1, "times", "")
            for id_, closed_at, seen_at in differences
        ]
        await tx.insert("money_differences", of_difference, found)

    await database.transaction(given)
    await money_chore(database, clock, KEPT_US, pause_s=0).run()

    left = await rows(database, "SELECT * FROM entitlement_uses ORDER BY created_at, account_id")
    assert [(row["account_id"], row["environment"], row["reference"]) for row in left] == [
        ("acc_1", "live", "old"),
        ("acc_1", "staging", "new"),
        ("acc_2", "staging", "old"),
    ]
    left = await rows(database, "SELECT id FROM money_differences ORDER BY id")
    assert [row["id"] for row in left] == ["mdf_2", "mdf_3"]
