"""A receiver that was mended gets what it refused for that fault, and nothing else."""

import pytest

from kernel.clock import FixedClock
from kernel.errors import InvalidInput, NotFound
from store.database import Database, Transaction
from tests.support.replay_history import (
    Past,
    given_past,
    given_scene,
    run_to_the_end,
    sent_again,
    start,
)
from webhooks.replays import replay
from webhooks.replays.replay import NewReplay

GONE = (500, "http", b'{"error": {"message": "Order 123456 does not exist"}}')
GONE_TOO = (500, "http", b'{"error": {"message": "Order 987654 does not exist"}}')
BUSY = (500, "http", b"Too busy")
SILENT = (500, "http", b"")
LATE = (None, "timeout", b"")
TURNED_AWAY = (403, "http", b'{"error": {"message": "Order 123456 does not exist"}}')


async def test_only_what_was_answered_alike_is_counted_and_sent_again(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    answers = (GONE, BUSY, LATE, GONE_TOO, TURNED_AWAY, SILENT, None, GONE, LATE)
    past = [Past(created_s=100 - number, answer=one) for number, one in enumerate(answers)]
    ids = await given_past(database, tenant, endpoint_id, past)

    found = {}
    for name, id_ in (("gone", ids[3]), ("late", ids[2]), ("silent", ids[5]), ("unknown", ids[6])):
        job = await start(database, clock, tenant, endpoint_id, NewReplay(like=id_))
        await run_to_the_end(database, clock)
        clock.advance_s(1)
        found[name] = (job.matched, await sent_again(database, job))

    assert found == {
        "gone": (3, [ids[0], ids[3], ids[7]]),
        "late": (2, [ids[2], ids[8]]),
        "silent": (1, [ids[5]]),
        # Its attempts are not kept any more.
        "unknown": (1, [ids[6]]),
    }


async def test_more_of_other_kinds_than_are_read_at_once_hide_none(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    answers = (GONE, BUSY, BUSY, BUSY, BUSY, BUSY, GONE, BUSY, GONE)
    past = [Past(created_s=100 - number, answer=one) for number, one in enumerate(answers)]
    ids = await given_past(database, tenant, endpoint_id, past)

    new = NewReplay(like=ids[0])
    wanted = await replay.load_wanted(database, tenant, endpoint_id, new, now_us=clock.now_us())
    after, walked, is_end = replay.first_cursor(wanted), list[str](), False
    while not is_end:

        async def look(tx: Transaction, after: replay.ReplayCursor = after) -> replay.Found:
            return await replay.next_rows(tx, wanted, after, looked_at_max=4, rows_max=1)

        rows, after, is_end = await database.read(look)
        walked += [row["id"] for row in rows]

    assert walked == [ids[0], ids[6], ids[8]]


async def test_what_it_is_to_be_like_has_to_be_a_failed_delivery_of_the_endpoint(
    database: Database, clock: FixedClock
) -> None:
    tenant, endpoint_id = await given_scene(database, clock)
    _, other_id = await given_scene(database, clock)
    good, bad = await given_past(database, tenant, endpoint_id, [Past("delivered"), Past()])

    for like, error in ((good, InvalidInput), ("dlv_nobody", NotFound)):
        with pytest.raises(error) as refused:
            await start(database, clock, tenant, endpoint_id, NewReplay(like=like))
        assert refused.value.param == "like"
    with pytest.raises(NotFound):
        await start(database, clock, tenant, other_id, NewReplay(like=bad))
    with pytest.raises(InvalidInput):
        await start(database, clock, tenant, endpoint_id, NewReplay(like=bad, status="delivered"))
