"""The limiter: one bucket over all processes, exact to the token; a bucket each without Redis."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from runtime.embedded_redis import find_server
from runtime.limiter import Bucket, Decision, Limiter
from runtime.redis_link import RedisLink
from tests.support.embedded_redis import EmbeddedRedis

# One token in 100 seconds: nothing is earned while a test runs.
SLOW = 0.01
# Longer than a Redis that runs takes where the machine is busy; a stopped one is waited for so long.
STOPPED_S = 0.5


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    started = EmbeddedRedis(find_server() or "", tmp_path)
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def link(redis_url: str) -> AsyncIterator[RedisLink]:
    # Patient, so that a busy machine is not taken for an absent Redis.
    opened = RedisLink(redis_url, timeout_s=10)
    yield opened
    await opened.aclose()


@pytest_asyncio.fixture
async def own_link(server: EmbeddedRedis) -> AsyncIterator[RedisLink]:
    """To a Redis that nobody else asks, whose own counts of calls are therefore the test's."""
    opened = RedisLink(server.url, timeout_s=10)
    yield opened
    await opened.aclose()


async def test_the_first_call_and_the_first_refusal(link: RedisLink) -> None:
    limiter = Limiter(link)

    decisions = [await limiter.take("k", SLOW, 10) for _ in range(11)]

    assert decisions[0] == Decision(True, 10, 9, 100, 0)
    assert decisions[9] == Decision(True, 10, 0, 1000, 0)
    assert decisions[10] == Decision(False, 10, 0, 1000, 100)


async def test_of_six_calls_five_an_hour_are_let_through(link: RedisLink) -> None:
    limiter = Limiter(link)

    decisions = [await limiter.take("k", 5 / 3600, 5) for _ in range(6)]

    assert [decision.allowed for decision in decisions] == [True] * 5 + [False]
    assert decisions[5].retry_after_s == 720


async def test_a_dear_call_is_refused_where_a_cheap_one_is_not(link: RedisLink) -> None:
    limiter = Limiter(link)

    dear = [await limiter.take("k", SLOW, 10, cost=4) for _ in range(3)]
    cheap = await limiter.take("k", SLOW, 10, cost=2)

    assert [decision.allowed for decision in dear] == [True, True, False]
    assert dear[2].retry_after_s == 200
    assert cheap.allowed
    assert cheap.remaining == 0


async def test_keys_have_buckets_of_their_own(link: RedisLink) -> None:
    limiter = Limiter(link)
    await limiter.take("a", SLOW, 1)

    assert not (await limiter.take("a", SLOW, 1)).allowed
    assert (await limiter.take("b", SLOW, 1)).allowed


async def test_a_limit_of_zero_lets_everything_through(link: RedisLink) -> None:
    decision = Limiter(link).take_now("k", 0, 0)

    assert decision == Decision(True, 0, 0, 0, 0)


async def test_two_limiters_together_grant_the_burst_and_no_more(redis_url: str) -> None:
    links = [RedisLink(redis_url, timeout_s=10) for _ in range(2)]
    limiters = [Limiter(link) for link in links]

    decisions = await asyncio.gather(
        *[limiters[number % 2].take("k", SLOW, 100) for number in range(300)]
    )

    assert sum(decision.allowed for decision in decisions) == 100
    for link in links:
        await link.aclose()


PROCESS = """
import asyncio, sys
from runtime.limiter import Limiter
from runtime.redis_link import RedisLink

async def main():
    link = RedisLink(sys.argv[1], timeout_s=10)
    limiter = Limiter(link)
    decisions = await asyncio.gather(*[limiter.take("k", 0.01, 100) for _ in range(90)])
    print(sum(decision.allowed for decision in decisions))
    await link.aclose()

asyncio.run(main())
"""


async def test_two_processes_together_grant_the_burst_and_no_more(redis_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROCESS, redis_url, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]

    answers = [await process.communicate() for process in processes]

    assert sum(int(out) for out, _ in answers) == 100


async def test_blocks_grant_no_more_than_the_rate(redis_url: str) -> None:
    links = [RedisLink(redis_url, timeout_s=10) for _ in range(2)]
    limiters = [Limiter(link) for link in links]
    started_s = time.monotonic()

    async def hammer(limiter: Limiter) -> int:
        granted = 0
        for _ in range(2000):
            granted += (await limiter.take("k", 200, 400)).allowed
        return granted

    granted = sum(await asyncio.gather(*map(hammer, limiters)))

    earned = (time.monotonic() - started_s) * 200
    assert granted <= 400 + earned + 1
    # What is not granted is at most in hand, 20 tokens each.
    assert granted >= 360
    for link in links:
        await link.aclose()


async def test_a_hot_key_asks_redis_once_for_many_calls(own_link: RedisLink) -> None:
    limiter = Limiter(own_link)

    for _ in range(200):
        assert (await limiter.take("k", 200, 400)).allowed

    statistics = await own_link.call(lambda redis: redis.info("commandstats"))
    assert statistics["cmdstat_eval"]["calls"] < 50


async def test_callers_at_once_share_a_round_trip(own_link: RedisLink) -> None:
    limiter = Limiter(own_link)

    decisions = await asyncio.gather(*[limiter.take("k", SLOW, 100) for _ in range(100)])

    assert all(decision.allowed for decision in decisions)
    statistics = await own_link.call(lambda redis: redis.info("commandstats"))
    assert statistics["cmdstat_eval"]["calls"] == 1


async def test_keys_of_many_callers_share_a_round_trip(own_link: RedisLink) -> None:
    limiter = Limiter(own_link)

    # One burst more than a round trip asks for: 256 keys at most.
    taken = await asyncio.gather(*[limiter.take(f"k{n}", SLOW, 1) for n in range(300)])
    again = await asyncio.gather(*[limiter.take(f"k{n}", SLOW, 1) for n in range(300)])

    assert [decision.allowed for decision in taken] == [True] * 300
    assert [decision.allowed for decision in again] == [False] * 300
    statistics = await own_link.call(lambda redis: redis.info("commandstats"))
    assert statistics["cmdstat_eval"]["calls"] == 4


async def test_two_buckets_are_asked_for_in_one_round_trip(own_link: RedisLink) -> None:
    limiter = Limiter(own_link)

    decisions = await limiter.take_each([Bucket("account", SLOW, 10), Bucket("key", SLOW, 5)])

    assert decisions == [Decision(True, 10, 9, 100, 0), Decision(True, 5, 4, 100, 0)]
    statistics = await own_link.call(lambda redis: redis.info("commandstats"))
    assert statistics["cmdstat_eval"]["calls"] == 1


async def test_what_one_bucket_refuses_costs_the_other_nothing(link: RedisLink) -> None:
    limiter = Limiter(link)
    account, spent, other = Bucket("a", SLOW, 4), Bucket("k1", SLOW, 1), Bucket("k2", SLOW, 9)

    own = [await limiter.take_each([account, spent]) for _ in range(5)]
    shared = [await limiter.take_each([account, other]) for _ in range(5)]

    assert [taken[-1].allowed for taken in own] == [True] + [False] * 4
    # Four were the account's: one went with the first key, three are left to the second.
    assert [taken[-1].allowed for taken in shared] == [True] * 3 + [False] * 2
    assert len(shared[-1]) == 1
    assert (await limiter.take("k2", SLOW, 9)).remaining == 5


async def test_callers_of_many_keys_share_what_their_account_has(link: RedisLink) -> None:
    limiter = Limiter(link)
    account = Bucket("account", SLOW, 50)

    taken = await asyncio.gather(
        *[limiter.take_each([account, Bucket(f"k{n % 20}", SLOW, 10)]) for n in range(200)]
    )

    assert sum(one[-1].allowed for one in taken) == 50


async def test_without_redis_both_buckets_count_all_the_same(tmp_path: Path) -> None:
    link = RedisLink(f"unix://{tmp_path}/nothing.sock")
    limiter = Limiter(link)
    account, key = Bucket("account", SLOW, 3), Bucket("key", SLOW, 2)

    own = [(await limiter.take_each([account, key]))[-1].allowed for _ in range(4)]
    rest = [(await limiter.take_each([account, Bucket("k2", SLOW, 9)]))[-1] for _ in range(3)]

    assert own == [True, True, False, False]
    assert [one.allowed for one in rest] == [True, False, False]
    await link.aclose()


async def test_a_refusal_is_repeated_without_asking(link: RedisLink) -> None:
    limiter = Limiter(link)
    await limiter.take("k", SLOW, 1)
    await limiter.take("k", SLOW, 1)

    repeated = limiter.take_now("k", SLOW, 1)

    assert repeated == Decision(False, 1, 0, 100, 100)


async def test_tokens_in_hand_are_given_back_after_five_seconds(link: RedisLink) -> None:
    now_s = [1000.0]
    limiter = Limiter(link, monotonic=lambda: now_s[0])
    while True:
        # The clock stands still, so the key counts as hot; 1 + 2 + 4 + 8 leaves some in hand.
        await limiter.take("k", 200, 400)
        if limiter.take_now("k", 200, 400) is not None:
            break

    now_s[0] += 5.01

    assert limiter.take_now("k", 200, 400) is None


async def test_a_key_used_four_times_a_second_asks_every_few_seconds(own_link: RedisLink) -> None:
    now_s = [1000.0]
    limiter = Limiter(own_link, monotonic=lambda: now_s[0])

    for _ in range(160):
        assert (await limiter.take("k", 200, 400)).allowed
        now_s[0] += 0.25

    statistics = await own_link.call(lambda redis: redis.info("commandstats"))
    # For 1, 2, 4, 8 and 16 tokens; then in turns for 20, the most of this rate, which are just not used up
    # in their five seconds, and for half as many: 31 calls by five, 129 by nine.
    assert statistics["cmdstat_eval"]["calls"] == 14


async def test_refused_calls_are_allowed_again_in_time(link: RedisLink) -> None:
    limiter = Limiter(link)
    await limiter.take("k", 20, 1)

    async with asyncio.timeout(10):
        is_allowed = False
        while not is_allowed:
            await asyncio.sleep(0.005)
            is_allowed = (await limiter.take("k", 20, 1)).allowed


async def test_a_cancelled_caller_takes_nobody_along(link: RedisLink) -> None:
    limiter = Limiter(link)
    first = asyncio.create_task(limiter.take("k", SLOW, 2))
    second = asyncio.create_task(limiter.take("k", SLOW, 2))
    await asyncio.sleep(0)

    first.cancel()

    assert (await second).allowed


async def test_a_stopped_redis_leaves_each_process_a_bucket(server: EmbeddedRedis) -> None:
    link = RedisLink(server.url)
    limiter = Limiter(link)
    os.kill(server.pid, signal.SIGSTOP)

    first = await limiter.take("k", SLOW, 5)
    # From here on nothing is awaited: the bucket is in the process.
    others = [limiter.take_now("k", SLOW, 5) for _ in range(7)]

    assert first == Decision(True, 5, 4, 100, 0)
    assert [other is not None and other.allowed for other in others] == [True] * 4 + [False] * 3
    assert others[6] == Decision(False, 5, 0, 500, 100)
    os.kill(server.pid, signal.SIGCONT)
    await link.aclose()


async def test_a_redis_that_stops_gives_nobody_a_second_burst(server: EmbeddedRedis) -> None:
    link = RedisLink(server.url, timeout_s=STOPPED_S)
    limiter = Limiter(link)
    before = [(await limiter.take("k", SLOW, 5)).allowed for _ in range(5)]
    os.kill(server.pid, signal.SIGSTOP)
    # A call of another key finds that Redis does not answer.
    await limiter.take("other", SLOW, 5)

    sixth = limiter.take_now("k", SLOW, 5)

    assert before == [True] * 5
    assert sixth == Decision(False, 5, 0, 500, 100)
    os.kill(server.pid, signal.SIGCONT)
    await link.aclose()


async def test_the_shared_bucket_is_used_again_when_redis_is_back(server: EmbeddedRedis) -> None:
    link = RedisLink(server.url, timeout_s=STOPPED_S)
    back = asyncio.Event()
    link.on_return(back.set)
    limiter = Limiter(link)
    os.kill(server.pid, signal.SIGSTOP)
    for _ in range(3):
        await limiter.take("k", SLOW, 2)
    os.kill(server.pid, signal.SIGCONT)
    async with asyncio.timeout(10):
        await back.wait()

    decision = await limiter.take("k", SLOW, 2)

    assert decision.allowed
    await link.aclose()


async def test_an_absent_redis_is_no_reason_to_refuse(tmp_path: Path) -> None:
    link = RedisLink(f"unix://{tmp_path}/nothing.sock")

    decision = await Limiter(link).take("k", 200, 400)

    assert decision.allowed
    await link.aclose()


async def test_strangers_cannot_fill_the_memory(tmp_path: Path) -> None:
    link = RedisLink(f"unix://{tmp_path}/nothing.sock")
    limiter = Limiter(link)
    await limiter.take("first", SLOW, 1)

    for number in range(12_000):
        limiter.take_now(f"address:{number}", SLOW, 1)

    assert len(limiter._shares) == 10_000
    await link.aclose()
