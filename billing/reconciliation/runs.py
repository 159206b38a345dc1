"""When each comparison of an environment runs, and what the last run did.

Beginning a run moves its next time in the same statement, so one of several workers runs it; a dead worker's
run continues after LEASE_US.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from kernel.clock import DAY_US, HOUR_US
from store.database import Transaction
from store.row_mapping import RowMapping

LEASE_US: Final = HOUR_US
# After a run that couldn't finish, such as while the provider was away.
AGAIN_US: Final = HOUR_US
FAULT_CHARACTERS_MAX: Final = 300


class PartRun(msgspec.Struct, frozen=True, kw_only=True):
    environment: str
    part: str
    next_at: int
    began_at: int | None = None
    ended_at: int | None = None
    checked: int = 0
    fault: str | None = None
    mark: str | None = None


async def begin(
    tx: Transaction, environment: str, part: str, *, now_us: int, is_wanted: bool = False
) -> PartRun | None:
    """Return the run that this caller does now; None if it isn't due, or another process does it. is_wanted:
    an operator wants it now.
    """
    await tx.insert(
        "reconciliation_parts",
        ("environment", "part", "next_at"),
        [(environment, part, now_us)],
        on_conflict="ON CONFLICT DO NOTHING",
    )
    begun = await tx.execute(
        """UPDATE reconciliation_parts SET next_at = :next, began_at = :now
           WHERE environment = :environment AND part = :part AND (next_at <= :now OR :wanted = 1)""",
        environment=environment,
        part=part,
        now=now_us,
        next=now_us + LEASE_US,
        wanted=int(is_wanted),
    )
    return await find(tx, environment, part) if begun else None


async def want(tx: Transaction, environment: str, *, now_us: int) -> None:
    """Make every known part due now; one under way runs again after its lease."""
    await tx.execute(
        """UPDATE reconciliation_parts SET next_at = :now
           WHERE environment = :environment AND next_at > :now
             AND (began_at IS NULL OR ended_at = began_at OR fault IS NOT NULL)""",
        environment=environment,
        now=now_us,
    )


async def end(tx: Transaction, run: PartRun, *, checked: int, mark: str | None) -> None:
    """Record that it finished; the next one is a day after its start, unless another began since."""
    await _write(tx, run, checked=checked, mark=mark, fault=None, next_at=_began(run) + DAY_US)


async def fail(tx: Transaction, run: PartRun, fault: str, *, now_us: int) -> None:
    await _write(
        tx,
        run,
        checked=run.checked,
        mark=run.mark,
        fault=fault[:FAULT_CHARACTERS_MAX],
        next_at=now_us + AGAIN_US,
    )


async def find(tx: Transaction, environment: str, part: str) -> PartRun | None:
    row = await tx.fetch_one(
        f"""SELECT {_ROWS.listed} FROM reconciliation_parts
            WHERE environment = :environment AND part = :part""",
        environment=environment,
        part=part,
    )
    return None if row is None else _ROWS.read(row)


async def list_runs(tx: Transaction, environment: str | None = None) -> Sequence[PartRun]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM reconciliation_parts
            WHERE environment = :environment OR :environment = ''
            ORDER BY environment, part""",
        environment=environment or "",
    )
    return [_ROWS.read(row) for row in rows]


async def _write(
    tx: Transaction,
    run: PartRun,
    *,
    checked: int,
    mark: str | None,
    fault: str | None,
    next_at: int,
) -> None:
    ended = None if fault is not None else _began(run)
    await tx.execute(
        """UPDATE reconciliation_parts SET checked = :checked, mark = :mark, fault = :fault,
               next_at = :next, ended_at = COALESCE(:ended, ended_at)
           WHERE environment = :environment AND part = :part AND began_at = :began""",
        environment=run.environment,
        part=run.part,
        checked=checked,
        mark=mark,
        fault=fault,
        next=next_at,
        ended=ended,
        began=_began(run),
    )


def _began(run: PartRun) -> int:
    assert run.began_at is not None, "it was begun"
    return run.began_at


_ROWS = RowMapping(PartRun)
