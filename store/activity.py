"""Count a tenant's newest rows, grouped by time step. At most ROWS_MAX rows are counted. Recent steps are shorter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.tenant import Tenant
from store.database import Row, Transaction

ROWS_MAX: Final = 10_000
SPANS: Final = (
    (DAY_US, 14),
    (6 * HOUR_US, 16),
    (HOUR_US, 48),
    (HOUR_US, 24),
    (15 * MINUTE_US, 24),
    (5 * MINUTE_US, 24),
    (MINUTE_US, 30),
)


@dataclass(frozen=True, slots=True)
class Activity:
    """A tenant's rows by time step. The columns are step (its start in microseconds), status, number and total."""

    step_us: int
    starts: Sequence[int]
    rows: Sequence[Row]

    def count(self, start: int, *statuses: str) -> int:
        found = (row for row in self.rows if row["step"] == start)
        return sum(row["number"] for row in found if row["status"] in statuses)

    def sum_of(self, start: int, *statuses: str) -> int:
        found = (row for row in self.rows if row["step"] == start)
        return sum(row["total"] for row in found if not statuses or row["status"] in statuses)


async def count_by_step(
    tx: Transaction,
    tenant: Tenant,
    *,
    newest: str,
    edge: str,
    now_us: int,
) -> Activity:
    """Count the rows of each step.

    The statement `newest` selects created_at, status and amount of at most :rows rows, none older than :since.
    The statement `edge` selects created_at of the next older row.
    """
    own = {"account_id": tenant.account_id, "environment": tenant.environment, "rows": ROWS_MAX}
    row = await tx.fetch_one(edge, **own)
    reaches_us = now_us + 1 if row is None else now_us - row["created_at"]
    step_us, steps = next(
        (span for span in SPANS if span[0] * span[1] <= reaches_us or row is None), SPANS[-1]
    )
    last = now_us - now_us % step_us
    starts = [last - step_us * back for back in range(steps - 1, -1, -1)]
    rows = await tx.fetch(
        f"""SELECT created_at - created_at % :step_us AS step, status, COUNT(*) AS number,
                   CAST(SUM(amount) AS BIGINT) AS total
            FROM ({newest}) AS n GROUP BY 1, 2""",
        since=starts[0],
        step_us=step_us,
        **own,
    )
    return Activity(step_us, starts, rows)
