"""What callers without a credential may take: one in each turn of the loop, a share of its time, and so much of it for
each address.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.http.rate_limit import Strangers, TooMuchWork, charge
from gateway.http.request_context import RequestContext
from tests.support.gateway import Gateway

pytestmark = [
    pytest.mark.one_database,
    pytest.mark.gateway_settings(trusted_proxies=["127.0.0.1/32"]),
]


class Times:
    """A clock that goes ahead when it is told, and a meter of CPU that goes on then only."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.cpu_s = 0.0

    def monotonic(self) -> float:
        return self.now_s + time.monotonic()

    def work(self, seconds: float) -> None:
        self.now_s += seconds
        self.cpu_s += seconds


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def strangers(times: Times) -> Strangers:
    return Strangers(monotonic=times.monotonic, cpu=lambda: times.cpu_s)


def call_from(gateway: Gateway, address: str, path: str = "/sign-in", method: str = "GET") -> Any:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"x-forwarded-for", address.encode())],
        "client": ("127.0.0.1", 1),
    }
    return RequestContext(gateway.context, scope)


def taking(times: Times, seconds: float) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        times.work(seconds)

    return work


async def wait_s_of(strangers: Strangers, call: Any, times: Times) -> int | None:
    """The Retry-After of a refusal; None: it was served."""
    try:
        await strangers.serve(call, taking(times, 0))
    except TooMuchWork as error:
        return error.retry_after_s
    return None


async def test_an_address_has_a_second_of_cpu_and_then_a_twentieth_of_a_core(
    gateway: Gateway, strangers: Strangers, times: Times
) -> None:
    call = call_from(gateway, "198.51.100.7")
    await strangers.serve(call, taking(times, 1.49))

    # 1.49 s were used of 1, and 0.49 s come back in 9.8.
    assert await wait_s_of(strangers, call, times) == 10
    assert await wait_s_of(strangers, call_from(gateway, "198.51.100.8"), times) is None
    times.now_s += 9
    assert await wait_s_of(strangers, call, times) == 1
    times.now_s += 2
    assert await wait_s_of(strangers, call, times) is None


async def test_ipv6_counts_by_its_network_and_a_proxy_and_probes_not_at_all(
    gateway: Gateway, strangers: Strangers, times: Times
) -> None:
    for address in ("2001:db8::1", "127.0.0.1"):
        await strangers.serve(call_from(gateway, address), taking(times, 3))

    async def waits(address: str, path: str = "/sign-in") -> bool:
        return await wait_s_of(strangers, call_from(gateway, address, path), times) is not None

    assert await waits("2001:db8::2")
    assert not await waits("2001:db8:0:1::1")
    # Behind this machine's own address are all who come by a proxy that nobody named.
    assert not await waits("127.0.0.1")
    assert not await waits("2001:db8::1", "/readyz")


async def test_what_a_form_achieved_is_not_counted_and_what_it_was_refused_is(
    gateway: Gateway, strangers: Strangers, times: Times
) -> None:
    call = call_from(gateway, "198.51.100.7", method="POST")
    await strangers.serve(call, taking(times, 3))
    assert await wait_s_of(strangers, call, times) is None

    async def refused() -> None:
        times.work(3)
        raise TooMuchWork("no")

    with pytest.raises(TooMuchWork, match="no"):
        await strangers.serve(call, refused)
    assert await wait_s_of(strangers, call, times) is not None


async def test_work_counts_on_the_loop_and_in_a_thread_and_waiting_does_not(
    gateway: Gateway, strangers: Strangers, times: Times
) -> None:
    async def work() -> None:
        times.work(0.6)
        await asyncio.sleep(0)
        times.now_s += 1  # others had it
        await asyncio.to_thread(charge, 0.89)

    call = call_from(gateway, "198.51.100.7")
    await strangers.serve(call, work)

    # 1.49 s, of which 0.49 s come back in 9.8, less the pause of the line.
    assert await wait_s_of(strangers, call, times) == 10


async def test_one_stranger_is_served_in_a_turn_of_the_loop(gateway: Gateway) -> None:
    strangers = Strangers()
    loop, turns, served = asyncio.get_running_loop(), 0, []

    def count() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(count)

    async def one(number: int) -> None:
        async def work() -> None:
            served.append((number, turns))

        await strangers.serve(call_from(gateway, f"198.51.100.{number}"), work)

    count()
    await asyncio.gather(*(one(number) for number in range(10)))

    assert [number for number, _ in served] == list(range(10))
    assert len({turn for _, turn in served}) == 10


async def test_strangers_together_have_a_quarter_of_the_time_while_others_wait(
    gateway: Gateway,
) -> None:
    strangers = Strangers()
    loop = asyncio.get_running_loop()
    began_s, spent_s = loop.time(), 0.0

    async def one(number: int) -> None:
        async def work() -> None:
            nonlocal spent_s
            work_began_s = loop.time()
            while loop.time() - work_began_s < 0.002:
                pass
            spent_s += loop.time() - work_began_s

        await strangers.serve(call_from(gateway, f"198.51.100.{number}"), work)

    await asyncio.gather(*(one(number) for number in range(50)))

    # The last one's pause is nobody's: 49 pauses of three times 2 ms of CPU, and 50 times the work. A machine that is
    # busy elsewhere gives the work less CPU than time, so the pauses are shorter than this time says.
    assert loop.time() - began_s > spent_s
    assert loop.time() - began_s >= 0.1


async def test_probes_do_not_wait_behind_all_the_others(gateway: Gateway) -> None:
    strangers = Strangers()
    served = []

    async def one(path: str) -> None:
        async def work() -> None:
            served.append(path)

        await strangers.serve(call_from(gateway, "198.51.100.7", path), work)

    await asyncio.gather(*map(one, ["/", "/", "/", "/", "/", "/readyz", "/readyz"]))

    assert served.index("/readyz") <= 2
    assert served.count("/readyz") == 2


async def test_who_takes_too_much_is_told_when_to_come_back_and_keys_and_documents_go_on(
    gateway: Gateway,
) -> None:
    key = await gateway.key(await gateway.account())
    mine = {"X-Forwarded-For": "2001:db8::1", "Accept": "text/html"}
    await gateway.client.get("/docs/webhooks", headers=mine)
    answer = await gateway.client.get("/docs/search?q=key", headers=mine)
    assert answer.status_code == 200
    theirs = {"X-Forwarded-For": "2001:db8::ffff", "Accept": "application/json"}
    refused = None
    for number in range(20_000):
        answer = await gateway.client.get(f"/docs/search?q=con+pro+rec+sta+{number}", headers=mine)
        if answer.status_code == 429:
            # Of the same /64; it may be served again after a moment.
            refused = await gateway.client.get("/api/public/v1/codes", headers=theirs)
            if refused.status_code == 429:
                break

    assert refused is not None
    assert (answer.status_code, refused.status_code) == (429, 429)
    assert 1 <= int(answer.headers["retry-after"]) <= 20
    assert "took too much" in answer.text
    assert refused.json()["data"]["error"]["reason"] == "address"
    assert refused.json()["data"]["error"]["detail"].startswith("Requests without a credential")
    assert (await gateway.client.get("/docs/webhooks", headers=mine)).status_code == 200
    assert (await gateway.client.get("/healthz", headers=mine)).status_code == 200
    balance = await gateway.call("GET", "/topup/balance", key=key, headers=mine)
    assert balance.status_code == 200
    other = {"X-Forwarded-For": "2001:db8:0:1::1"}
    assert (await gateway.client.get("/docs/search?q=key", headers=other)).status_code == 200
