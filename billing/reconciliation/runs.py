"""Store when each daily comparison runs, and the result of its last run.

The statement that starts a run also schedules the next one, so only one worker runs each comparison.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from billing.reconciliation import differences
from billing.reconciliation.differences import KINDS
from kernel.clock import DAY_US, HOUR_US
from keys.principal import ENVIRONMENTS
from store.database import Transaction
from store.row_mapping import RowMapping

LEASE_US: Final = HOUR_US
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
    """Make each part due now. A running part runs again when its lease ends."""
    await tx.execute(
        """UPDATE reconciliation_parts SET next_at = :now
           WHERE environment = :environment AND next_at > :now
             AND (began_at IS NULL OR ended_at = began_at OR fault IS NOT NULL)""",
        environment=environment,
        now=now_us,
    )


async def end(tx: Transaction, run: PartRun, *, checked: int, mark: str | None) -> None:
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


@dataclass(frozen=True, slots=True)
class RunStatus:
    """`open` contains the number of open differences by environment and kind."""

    open: Mapping[tuple[str, str], int]
    runs: Sequence[PartRun]


async def read_standing(tx: Transaction) -> RunStatus:
    none = {(environment, kind): 0 for environment in ENVIRONMENTS for kind in KINDS}
    return RunStatus(none | await differences.count_open(tx), await list_runs(tx))
