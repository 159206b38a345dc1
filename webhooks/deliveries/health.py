"""Record an endpoint's health, from the outcomes of its deliveries: since when it has only failed.

failing_since_at is written only when it changes. Notices are written here, in the same transaction;
webhooks/endpoints/disabling.py ends an endpoint. A disabled one stays so, with its notices, whatever answers
a ping, until it is enabled again. Writes failing_since_at of endpoints.
"""

from collections.abc import Collection, Sequence

from store.database import Transaction
from webhooks.deliveries import notice
from webhooks.deliveries.notice import Failure
from webhooks.deliveries.stage import DELIVERED, LOST, Settlement

_FAILING = """
UPDATE endpoints SET failing_since_at = v.since_us FROM :rows[id text, since_us bigint] AS v
WHERE endpoints.id = v.id AND endpoints.failing_since_at IS NULL
RETURNING endpoints.id
"""
_WELL = """
UPDATE endpoints SET failing_since_at = NULL
WHERE id IN :ids[text] AND failing_since_at IS NOT NULL AND status = 'enabled'
RETURNING id
"""


async def note(tx: Transaction, settlements: Sequence[Settlement]) -> Collection[str]:
    """Record what the outcomes say of their endpoints, stale ones too; return the recovered ones.

    At most four statements, two if nothing changes. A success among an endpoint's outcomes outweighs its
    failures.
    """
    well = {one.claimed.target.id: one.ended_at_us for one in settlements if _is_well(one)}
    failed: dict[str, Settlement] = {}
    for one in settlements:
        id_ = one.claimed.target.id
        # A lost lease says nothing about the endpoint.
        if id_ in well or one.attempt.error == LOST:
            continue
        if id_ not in failed or one.ended_at_us < failed[id_].ended_at_us:
            failed[id_] = one
    if failed:
        await _note_failures(tx, failed)
    recovered: list[str] = []
    if well:
        recovered = [row["id"] for row in await tx.fetch(_WELL, ids=sorted(well))]
        if recovered:
            await notice.end(tx, recovered, now_us=max(well[id_] for id_ in recovered))
    return recovered


async def _note_failures(tx: Transaction, failed: dict[str, Settlement]) -> None:
    rows = sorted((id_, one.ended_at_us) for id_, one in failed.items())
    first = {row["id"] for row in await tx.fetch(_FAILING, rows=rows)}
    failures = [
        Failure(id_, at_us, id_ in first, failed[id_].claimed.target.failing_since_at)
        for id_, at_us in rows
    ]
    await notice.write_failing(tx, failures)


def _is_well(one: Settlement) -> bool:
    return one.status == DELIVERED
