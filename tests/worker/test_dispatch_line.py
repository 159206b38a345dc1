"""The dispatcher beside more endpoints than one look takes in: each is served, in turn."""

import asyncio
from collections import Counter
from itertools import pairwise

import pytest

from kernel.clock import HOUR_US
from kernel.tenant import Tenant
from store.database import Database
from tests.support.dispatcher import CLOCK, dispatching, rows, until
from tests.support.webhook_rows import given_account, given_endpoint, given_events
from webhooks.deliveries.claim import HEADS_MAX
from webhooks.deliveries.message import Headers
from webhooks.http.guard import Policy
from webhooks.http.transport import SendResult
from worker.dispatch import BEAT_S, ENDPOINT_SLOTS_FIRST, PART_MAX

PER_ACCOUNT = 50
ACCOUNTS = HEADS_MAX // PER_ACCOUNT + 1


async def given_endpoints(database: Database, accounts: int = ACCOUNTS) -> None:
    for _ in range(accounts):
        tenant: Tenant = Tenant(await given_account(database, CLOCK), "staging")
        for _ in range(PER_ACCOUNT):
            await given_endpoint(database, CLOCK, tenant, retry_schedule_s=(0, 1))
        await given_events(database, CLOCK, tenant)


async def given_more_than_a_part(database: Database, *, events: int) -> int:
    """Deliveries to more endpoints than one part of a claim begins; how many."""
    tenant = Tenant(await given_account(database, CLOCK), "staging")
    for number in range(PART_MAX + 1):
        await given_endpoint(database, CLOCK, tenant, url=f"https://example.com/{number}")
    await given_events(database, CLOCK, tenant, count=events)
    return events * (PART_MAX + 1)


class Wire:
    """The first so many attempts of each delivery fail; each is answered at once, or after answer_s."""

    def __init__(self, failures: int, answer_s: float = 0) -> None:
        self._failures = failures
        self._answer_s = answer_s
        self.attempts: Counter[str] = Counter()
        self.began_s: list[float] = []
        self._under_way: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()  # by URL

    async def post(
        self,
        url: str,
        headers: Headers,
        body: bytes,
        timeout_s: float,
        *,
        policy: Policy | None,
        account_id: str,
    ) -> SendResult:
        assert url
        assert body
        assert timeout_s
        assert policy is not None
        assert account_id
        self.began_s.append(asyncio.get_running_loop().time())
        self._under_way[url] += 1
        self.most_at_once[url] = max(self.most_at_once[url], self._under_way[url])
        await asyncio.sleep(self._answer_s)
        self._under_way[url] -= 1
        id_ = dict(headers)["X-AiTopUp-Delivery"]
        self.attempts[id_] += 1
        is_failed = self.attempts[id_] <= self._failures
        status, error = (500, "http") if is_failed else (200, None)
        return SendResult(status, error, None, {}, b"", False, None, {}, 0, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("failures", [0, 1])
async def test_more_endpoints_than_a_look_takes_in_are_all_served(
    database: Database, failures: int
) -> None:
    await given_endpoints(database)
    wire = Wire(failures)
    count = ACCOUNTS * PER_ACCOUNT

    async with dispatching(database, slots=20, post=wire.post) as (_, settled):
        await until(lambda: len(settled) >= count * (failures + 1), timeout_s=60)

    assert len(wire.attempts) == count
    assert set(wire.attempts.values()) == {failures + 1}


@pytest.mark.one_database
async def test_a_claim_for_many_endpoints_needs_one_connection_for_each_that_answers_at_once(
    database: Database,
) -> None:
    count = await given_more_than_a_part(database, events=3)
    wire = Wire(failures=0)

    async with dispatching(database, slots=count, post=wire.post) as (_, settled):
        await until(lambda: len(settled) == count)

    assert set(wire.most_at_once.values()) == {1}


@pytest.mark.one_database
async def test_what_is_answered_while_others_begin_makes_room_for_the_next(
    database: Database,
) -> None:
    count = await given_more_than_a_part(database, events=ENDPOINT_SLOTS_FIRST + 1)
    wire = Wire(failures=0)

    async with dispatching(database, slots=count, post=wire.post) as (_, settled):
        await until(lambda: len(settled) == count)

    assert max(wire.began_s) - min(wire.began_s) < BEAT_S / 2


@pytest.mark.one_database
async def test_what_one_part_of_the_line_left_goes_on_as_soon_as_slots_are_free(
    database: Database,
) -> None:
    await given_endpoints(database, HEADS_MAX // PER_ACCOUNT)
    wire = Wire(failures=0, answer_s=0.02)

    # Each time two looks: the second one, behind as many as one takes in, finds nothing.
    async with dispatching(database, slots=8, post=wire.post) as (_, settled):
        await until(lambda: len(settled) == HEADS_MAX)

    assert set(wire.attempts.values()) == {1}
    longest_s = max(later_s - sooner_s for sooner_s, later_s in pairwise(wire.began_s))
    assert longest_s < BEAT_S / 2


async def test_more_paced_endpoints_than_a_look_takes_in_leave_the_line_to_a_live_one(
    database: Database,
) -> None:
    await given_endpoints(database)
    ahead_us = CLOCK.now_us() + HOUR_US
    await database.transaction(
        lambda tx: tx.execute(
            "UPDATE endpoints SET rate_limit_per_s = 1, rate_tat_us = :tat_us", tat_us=ahead_us
        )
    )
    wire = Wire(failures=0)

    async with dispatching(database, slots=20, post=wire.post) as (dispatcher, settled):
        places = f"SELECT endpoint_id FROM endpoint_queue WHERE ready_at < {ahead_us}"
        async with asyncio.timeout(60):
            # What it waits for is a row, which tells nobody.
            while await rows(database, places):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        tenant: Tenant = Tenant(await given_account(database, CLOCK), "staging")
        await given_endpoint(database, CLOCK, tenant)
        await given_events(database, CLOCK, tenant)
        dispatcher.wake()
        await until(lambda: bool(settled))

    assert list(wire.attempts.values()) == [1]
