"""Record when a credential was last used, to the minute; each table's writer passes its statement."""

from collections.abc import Iterable

from kernel.clock import MINUTE_US
from store.database import Transaction


async def mark(statement: str, tx: Transaction, ids: Iterable[str], *, now_us: int) -> int:
    """Record the minute of use of these credentials at once; return how many rows changed.

    Rows that another transaction holds are skipped: the next minute's use records them.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return 0
    return await tx.execute(statement, minute_at=now_us - now_us % MINUTE_US, ids=wanted)
