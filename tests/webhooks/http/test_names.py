"""Whose names may keep whom waiting: nobody's but one's own."""

import asyncio
from collections.abc import Sequence

import pytest
import uvloop

from kernel.clock import SystemClock
from tests.support.name_server import NameServer, loopback_resolver
from tests.support.scripted_receiver import OK, Start, always
from webhooks.http.guard import ParsedUrl, Policy, UrlRefused, check_url
from webhooks.http.names import Failures, LookupLimiter, SystemResolver, VettedNames
from webhooks.http.transport import Transport

OPEN = Policy.of(allow_http=True, allow_cidrs=["127.0.0.0/8"])


def url_of(name: str) -> ParsedUrl:
    return check_url(f"http://{name}/", OPEN)


class Holding:
    """A resolver at the edge of ours whose silent names never answer; it counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.under_way = 0
        self.under_way_max = 0
        self.ended: list[str] = []

    async def lookup(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        self.under_way += 1
        self.under_way_max = max(self.under_way_max, self.under_way)
        try:
            if name.startswith("dead"):
                await asyncio.get_running_loop().create_future()
            return ["127.0.0.1"]
        finally:
            if name.startswith("dead-slow"):
                await asyncio.sleep(0.2)
            self.under_way -= 1
            self.ended.append(name)

    def close(self) -> None:
        return None


async def test_46_silent_names_of_one_account_delay_no_delivery_of_another(
    names: NameServer, start: Start
) -> None:
    """The attack of the findings, through the transport: the healthy account has 20 of 20."""
    names.zone = {f"dead{number}.example": ["DROP"] for number in range(46)}
    names.zone |= {f"well{number}.example": ["127.0.0.1"] for number in range(20)}
    receiver = await start(always(OK))
    resolver = loopback_resolver(names)
    transport = Transport(OPEN, resolver, SystemClock())
    dead = [
        asyncio.create_task(
            transport.post(f"http://{name}:{receiver.port}/", [], b"{}", 10, account_id="acc_a")
        )
        for name in list(names.zone)[:46]
    ]
    await asyncio.sleep(0.05)

    began_s = asyncio.get_running_loop().time()
    outcomes = await asyncio.gather(
        *(
            transport.post(
                f"http://well{number}.example:{receiver.port}/", [], b"{}", 10, account_id="acc_b"
            )
            for number in range(20)
        )
    )
    took_s = asyncio.get_running_loop().time() - began_s

    assert [outcome.status for outcome in outcomes] == [200] * 20
    # The dead ones hold a look-up for 5 s each: whoever stood behind one would have waited so long.
    assert took_s < 4
    assert not any(one.done() for one in dead)
    for one in dead:
        one.cancel()
    await asyncio.gather(*dead, return_exceptions=True)
    await transport.close()


async def test_a_registration_is_not_held_up_by_another_accounts_dead_names(
    names: NameServer,
) -> None:
    names.zone = {f"dead{number}.example": ["DROP"] for number in range(40)}
    names.zone["well.example"] = ["127.0.0.1"]
    transport = Transport(OPEN, loopback_resolver(names), SystemClock())
    dead = [
        asyncio.create_task(transport.check(f"http://dead{number}.example/", account_id="acc_a"))
        for number in range(40)
    ]
    await asyncio.sleep(0.05)

    async with asyncio.timeout(4):
        await transport.check("http://well.example/", account_id="acc_b")

    for one in dead:
        one.cancel()
    await asyncio.gather(*dead, return_exceptions=True)
    await transport.close()


async def test_an_account_has_eight_look_ups_under_way_and_the_rest_wait_in_its_own_line() -> None:
    resolver = Holding()
    vetted = VettedNames(resolver)
    dead = [
        asyncio.create_task(vetted.addresses(url_of(f"dead{number}.example"), OPEN, "acc_a"))
        for number in range(20)
    ]
    await asyncio.sleep(0.01)
    busy = resolver.under_way

    answer = await vetted.addresses(url_of("well.example"), OPEN, "acc_b")

    assert (busy, resolver.under_way_max, answer) == (8, 9, ("127.0.0.1",))
    for one in dead:
        one.cancel()
    await asyncio.gather(*dead, return_exceptions=True)


async def test_waiting_in_line_too_long_says_nothing_about_the_name() -> None:
    resolver = Holding()
    vetted = VettedNames(resolver, lookup_timeout_s=0.1, lookups_per_account_max=1)
    first = asyncio.create_task(vetted.addresses(url_of("dead-slow.example"), OPEN, "acc_a"))
    await asyncio.sleep(0.01)
    with pytest.raises(UrlRefused):
        await vetted.addresses(url_of("well.example"), OPEN, "acc_a")
    with pytest.raises(UrlRefused):
        await first

    assert await vetted.addresses(url_of("well.example"), OPEN, "acc_a") == ("127.0.0.1",)


async def test_a_silent_name_costs_one_look_up_and_then_fails_at_once() -> None:
    resolver = Holding()
    vetted = VettedNames(resolver, lookup_timeout_s=0.05)
    reasons = []

    for _ in range(5):
        with pytest.raises(UrlRefused) as refused:
            await vetted.addresses(url_of("dead.example"), OPEN, "acc_a")
        reasons.append((refused.value.detail, refused.value.reason))

    assert resolver.asked == ["dead.example."]
    assert reasons == [("The host does not resolve to a public address.", "address")] * 5


def test_a_silent_name_is_left_alone_for_longer_each_time_up_to_a_minute() -> None:
    failures = Failures()
    waits = []
    now_s = 0.0
    for _ in range(6):
        failures.add("dead.example.", "silent", is_silent=True, now_s=now_s)
        for wait_s in (5, 10, 20, 40, 60):
            with pytest.raises(UrlRefused):
                failures.check("dead.example.", now_s + wait_s - 1)
            try:
                failures.check("dead.example.", now_s + wait_s)
            except UrlRefused:
                continue
            break
        waits.append(wait_s)
        now_s += wait_s

    assert waits == [5, 10, 20, 40, 60, 60]


def test_a_name_that_answers_again_is_forgotten_as_a_failure() -> None:
    failures = Failures()
    failures.add("dead.example.", "no such name", is_silent=False, now_s=0)

    failures.forget("dead.example.")

    failures.check("dead.example.", 0)
    assert len(failures) == 0


def test_remembered_failures_are_bounded() -> None:
    failures = Failures(names_max=3)

    for number in range(10):
        failures.add(f"dead{number}.example.", "silent", is_silent=True, now_s=0)

    assert len(failures) == 3


async def test_a_line_is_forgotten_when_nobody_stands_in_it() -> None:
    limiter = LookupLimiter(1)
    async with limiter.turn("acc_a"):
        assert len(limiter) == 1

    assert len(limiter) == 0


async def test_the_last_caller_that_gives_up_ends_the_look_up() -> None:
    resolver = Holding()
    vetted = VettedNames(resolver)
    callers = [
        asyncio.create_task(vetted.addresses(url_of("dead.example"), OPEN, "acc_a"))
        for _ in range(2)
    ]
    await asyncio.sleep(0.01)

    callers[0].cancel()
    await asyncio.sleep(0.01)
    still_ended = list(resolver.ended)
    callers[1].cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await asyncio.sleep(0.01)

    assert (still_ended, resolver.ended, resolver.under_way) == ([], ["dead.example."], 0)


async def test_a_cancelled_look_up_asks_the_name_server_no_more(names: NameServer) -> None:
    # c-ares would ask again after one second; the wait is longer than that.
    names.zone = {"dead.example": ["DROP"]}
    resolver = loopback_resolver(names)
    looking = asyncio.create_task(resolver.lookup("dead.example."))
    await names.until_asked(2)

    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    await asyncio.sleep(1.3)

    assert names.asked == ["dead.example"] * 2


async def test_closing_a_resolver_ends_its_look_ups(names: NameServer) -> None:
    names.zone = {"dead.example": ["DROP"]}
    resolver = loopback_resolver(names)
    looking = asyncio.create_task(resolver.lookup("dead.example."))
    await asyncio.sleep(0.05)

    resolver.close()

    with pytest.raises(OSError, match="closed"):
        await looking


async def test_a_server_that_was_silent_once_is_asked_again(names: NameServer) -> None:
    names.zone = {"slow.example": ["DROP"]}
    looking = asyncio.create_task(loopback_resolver(names).lookup("slow.example."))
    await names.until_asked(2)
    names.zone = {"slow.example": ["127.0.0.1", "::1"]}

    async with asyncio.timeout(4):
        found = await looking

    # Neither first question was answered. On a machine that stands still for a second the repeat of
    # one of them may end as well; the other one's answer is an address all the same.
    assert found
    assert set(found) <= {"127.0.0.1", "::1"}


async def test_the_hosts_file_counts_for_names_that_the_operator_vouches_for() -> None:
    assert "127.0.0.1" in await SystemResolver().lookup("localhost")


def test_look_ups_work_in_the_event_loop_of_production() -> None:
    async def asked() -> Sequence[str]:
        server = NameServer()
        await server.start()
        server.zone = {"hook.example": ["127.0.0.1"], "dead.example": ["DROP"]}
        resolver = loopback_resolver(server)
        dead = asyncio.create_task(resolver.lookup("dead.example."))
        found = [await resolver.lookup("hook.example.") for _ in range(20)]
        dead.cancel()
        await asyncio.gather(dead, return_exceptions=True)
        server.stop()
        return [one for answer in found for one in answer]

    assert uvloop.run(asked()) == ["127.0.0.1"] * 20
