"""Keeping requests: what there is no room for is left out and counted, and nothing waits for it."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Counter

from kernel.clock import DAY_US, HOUR_US
from kernel.ids import least_id
from kernel.tenant import Tenant
from runtime.request_log import rows
from runtime.request_log.recorder import LINE_MAX, PER_HOUR_MAX, RequestLog
from runtime.request_log.rows import LoggedRequest
from store.database import Database

ANN = Tenant("acc_ann", "staging")
NOW = 20_000 * DAY_US


def request(number: int = 0, *, at: int = NOW, account_id: str = "acc_ann") -> LoggedRequest:
    return LoggedRequest(
        id=f"{least_id('rql', at)[:12]}{number:08d}",
        request_id="req_1",
        account_id=account_id,
        environment="staging",
        credential_id="key_1",
        method="POST",
        route="/api/public/v1/topup/send",
        path="/api/public/v1/topup/send?token=abc",
        status=422,
        code=2007,
        duration_us=1_000,
        content_type="application/json",
        request_bytes=2,
        request_body="",
        response_body="",
        created_at=at,
    )


def new_log(database: Database) -> tuple[RequestLog, Counter]:
    dropped = Counter("dropped", "Dropped.", ("reason",), registry=CollectorRegistry())
    return RequestLog(database, dropped, is_on=True), dropped


def count_of(dropped: Counter) -> dict[str, float]:
    samples = next(iter(dropped.collect())).samples
    return {one.labels["reason"]: one.value for one in samples if one.name.endswith("_total")}


async def ids(database: Database) -> Sequence[str]:
    found = await database.read(lambda tx: rows.page(tx, ANN, limit=2_000))
    return [one.request.id for one in found]


async def test_a_noisy_account_and_a_broken_batch_end_nothing(database: Database) -> None:
    log, dropped = new_log(database)
    for number in range(PER_HOUR_MAX + 5):
        log.note(request(number), b'{"password":"x"}', b'{"code":2007}')
    log.note(request(900, account_id="acc_eve"), b"", b"")
    log.note(request(901, at=NOW + HOUR_US), b"", b"")
    await log.flush()

    assert count_of(dropped) == {"account": 5.0}
    assert len(await ids(database)) == PER_HOUR_MAX + 1

    # A row that is there: the database refuses its batch.
    log.note(request(901, at=NOW + HOUR_US), b"", b"")
    await log.flush()
    log.note(request(902, at=NOW + HOUR_US), b"", b"")
    await log.flush()
    assert count_of(dropped) == {"account": 5.0, "failed": 1.0}
    assert request(902, at=NOW + HOUR_US).id in await ids(database)

    first = await database.read(lambda tx: rows.get(tx, ANN, request(0).id))
    assert first.request == replace(
        request(0),
        path="/api/public/v1/topup/send?token=***",
        request_body='{"password":"***"}',
        response_body='{"code":2007}',
    )


async def test_the_line_is_bounded(database: Database) -> None:
    log, dropped = new_log(database)
    for number in range(LINE_MAX + 3):
        log.note(request(number, account_id=f"acc_{number}"), b"", b"")
    await log.flush()

    assert count_of(dropped) == {"full": 3.0}


async def test_rows_go_by_their_age_or_by_an_address(database: Database) -> None:
    log, _ = new_log(database)
    old, new = request(1, at=NOW - DAY_US), request(2)
    log.note(old, b'{"recipient_email":"Bob_1@Example.com"}', b"")
    log.note(new, b'{"recipient_email":"bobx1@example.com"}', b"")
    await log.flush()

    async def erased(address: str) -> int:
        return await database.transaction(lambda tx: rows.erase_step(tx, address))

    assert await erased("%") == 0
    assert await erased("bob_1@example.com") == 1
    assert await ids(database) == [new.id]
    log.note(old, b"", b"")
    await log.flush()
    assert await database.transaction(lambda tx: rows.prune(tx, before_us=NOW)) == 1
    assert await database.transaction(lambda tx: rows.prune(tx, before_us=NOW)) == 0
    assert await ids(database) == [new.id]


@pytest.mark.parametrize(
    ("outcome", "statuses"), [("refused", [422]), ("failed", [503]), ("done", [201])]
)
async def test_a_list_is_narrowed_by_what_came_of_it(
    database: Database, outcome: str, statuses: list[int]
) -> None:
    log, _ = new_log(database)
    for number, status in enumerate((201, 422, 503)):
        log.note(replace(request(number), status=status), b"", b"")
    await log.flush()

    found = await database.read(lambda tx: rows.page(tx, ANN, limit=9, outcome=outcome))
    assert [one.request.status for one in found] == statuses
