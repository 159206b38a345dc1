"""A call to a provider ends in time, whatever the other side does. Time here jumps, nobody waits."""

import asyncio
import selectors
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from billing.providers.http import (
    CALL_S_MAX,
    TRY_S_MAX,
    call,
    refusal_of,
    refused,
    within_deadline,
)
from billing.providers.protocol import ProviderRefused, ProviderUnavailable
from tests.support.plain_http import http_client


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        self.now_s = 0.0
        selector = selectors.DefaultSelector()
        wait = selector.select

        def jump(timeout: float | None = None) -> Any:
            self.now_s += timeout or 0.0
            return wait(0)

        selector.select = jump  # type: ignore[method-assign]
        super().__init__(selector)

    def time(self) -> float:
        return self.now_s


class Silent(httpx.AsyncBaseTransport):
    """Takes requests and never answers."""

    def __init__(self) -> None:
        self.requests = 0

    async def handle_async_request(self, _request: httpx.Request) -> httpx.Response:
        self.requests += 1
        await asyncio.Event().wait()
        raise AssertionError("nobody sets the event")


class Dripping(Silent):
    """Answers with a byte each second, without an end."""

    async def handle_async_request(self, _request: httpx.Request) -> httpx.Response:
        self.requests += 1
        return httpx.Response(200, stream=Drops())


class Drops(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(1)
            yield b" "


@pytest.mark.parametrize("transport", [Silent, Dripping])
def test_silence_is_asked_again_and_over_in_time(transport: type[Silent]) -> None:
    silent = transport()

    async def run() -> None:
        async with httpx.AsyncClient(transport=silent) as client, within_deadline("vendor"):
            await call(client, "vendor", "POST", "https://vendor.example/", headers={})

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        with pytest.raises(ProviderUnavailable):
            runner.run(run())
        loop = runner.get_loop()

    assert loop.time() <= CALL_S_MAX
    assert loop.time() >= 2 * TRY_S_MAX
    assert silent.requests == 3


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        (("amount_too_small",), "vendor refused the payment: amount_too_small"),
        (("a", "line_items[0]"), "vendor refused the payment: a, line_items[0]"),
        (("No such price: 'sk_live_x'",), "vendor refused the payment"),
        (("x" * 65, None, "", "<b>"), "vendor refused the payment"),
    ],
)
def test_a_refusal_repeats_words_and_no_prose(words: tuple[str | None, ...], detail: str) -> None:
    made = refused("vendor", 400, *words)

    assert isinstance(made, ProviderRefused)
    assert made.detail == detail


@pytest.mark.parametrize(
    "url", ["https://[", "ftp://vendor.example/", "https://vendor.example:0x/"]
)
async def test_an_address_that_is_none_is_unavailable(url: str) -> None:
    async with http_client() as client:
        with pytest.raises(ProviderUnavailable):
            await call(client, "vendor", "GET", url, headers={})


def test_a_refusal_says_what_was_asked_for() -> None:
    made = refusal_of(refused("vendor", 400, "not_active"), "to end the plan")
    own = ProviderRefused("a sentence of ours")

    assert made.detail == "vendor refused to end the plan: not_active"
    assert refusal_of(own, "to end the plan") is own
