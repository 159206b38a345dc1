"""A replay whose stored event was changed since it was sealed is not signed."""

from kernel.clock import HOUR_US
from runtime.metrics import Metrics
from store.database import Database
from tests.support.sealed_records import BEGUN, MADE, add_event, begin_log, execute, seal_at
from webhooks.deliveries.stage import Claimed, Target
from worker.deliver import CHANGED, SealedBodies

TARGET = Target("ep_1", "https://merchant.example", b"", None, None, None, (1,), None, None)


def claimed(event_id: str, body: bytes, *, created_at: int) -> Claimed:
    return Claimed(
        "dlv_1",
        event_id,
        "topup.delivered",
        "acc_a",
        "live",
        1,
        1,
        0,
        1 << 62,
        TARGET,
        body,
        created_at=created_at,
    )


async def test_a_replay_of_a_changed_event_is_refused(database: Database) -> None:
    await begin_log(database)
    body = b'{"amount_cents":500}'
    event_id = await add_event(database, MADE, body=body)
    await seal_at(database, BEGUN + HOUR_US)
    bodies = SealedBodies(database, Metrics())
    later = MADE + 2 * HOUR_US
    assert await bodies.fault_of(claimed(event_id, body, created_at=later)) == ""

    changed = b'{"amount_cents":900}'
    await execute(
        database, "UPDATE events SET body = :body WHERE id = :id", body=changed, id=event_id
    )

    assert await bodies.fault_of(claimed(event_id, changed, created_at=later)) == CHANGED
    assert await bodies.fault_of(claimed(event_id, body, created_at=later)) == CHANGED
