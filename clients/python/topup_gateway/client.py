"""The clients: Client blocks, AsyncClient is awaited. Both have the same calls."""

import asyncio
import math
import time
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx

from .answers import Answer
from .async_operations import AsyncOperations
from .errors import StillWaiting
from .models import TopUpStory
from .operations import Operations
from .retries import Attempts, Call, Retries

T = TypeVar("T")

WAITING: Final = frozenset({"scheduled", "pending", "reversing"})
# The gateway holds a status call until the status changes, or for so long.
HELD_S: Final = 20
TIMEOUT_S: Final = 30.0
try:
    _VERSION = version("topup-gateway-client")
except PackageNotFoundError:
    _VERSION = "0"


class Client(Operations):
    """A gateway. url: its address. key: an API key, or None for calls that need none.

    Use it as a context manager, or call close(). http: an httpx client of your own, with its own timeouts.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        retries: Retries | None = None,
        timeout_s: float = TIMEOUT_S,
        http: httpx.Client | None = None,
    ) -> None:
        super().__init__()
        self._retries = retries or Retries()
        self._http = http or httpx.Client(timeout=_timeout(timeout_s))
        self._http.base_url = httpx.URL(url)
        self._http.headers.update(_headers(key))

    def run(self, call: Call[T]) -> T:
        """Make the call, with repetitions. Raises GatewayError."""
        attempts = Attempts(call, self._retries)
        while True:
            try:
                response = self._http.send(attempts.request(self._http))
            except httpx.TransportError as error:
                pause_s = attempts.pause_after_silence(error)
            else:
                if response.is_success:
                    return attempts.read(response)
                pause_s = attempts.pause_after_refusal(response)
            time.sleep(pause_s)

    def wait(self, top_up: str | Answer[Any], *, timeout_s: float = 300) -> TopUpStory:
        """Return the top-up when it has ended. Raises StillWaiting. top_up: what send() returned, or its ID."""
        transaction_id = _id_of(top_up)
        end = time.monotonic() + timeout_s
        while True:
            held_s = _held_s(end)
            story = self.topups.status(transaction_id, wait_s=held_s).data
            if story.status not in WAITING:
                return story
            if not held_s:
                raise StillWaiting(transaction_id)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient(AsyncOperations):
    """The same as Client, awaited."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        retries: Retries | None = None,
        timeout_s: float = TIMEOUT_S,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__()
        self._retries = retries or Retries()
        self._http = http or httpx.AsyncClient(timeout=_timeout(timeout_s))
        self._http.base_url = httpx.URL(url)
        self._http.headers.update(_headers(key))

    async def run(self, call: Call[T]) -> T:
        """Make the call, with repetitions. Raises GatewayError."""
        attempts = Attempts(call, self._retries)
        while True:
            try:
                response = await self._http.send(attempts.request(self._http))
            except httpx.TransportError as error:
                pause_s = attempts.pause_after_silence(error)
            else:
                if response.is_success:
                    return attempts.read(response)
                pause_s = attempts.pause_after_refusal(response)
            await asyncio.sleep(pause_s)

    async def wait(self, top_up: str | Answer[Any], *, timeout_s: float = 300) -> TopUpStory:
        """Return the top-up when it has ended. Raises StillWaiting. top_up: what send() returned, or its ID."""
        transaction_id = _id_of(top_up)
        end = time.monotonic() + timeout_s
        while True:
            held_s = _held_s(end)
            story = (await self.topups.status(transaction_id, wait_s=held_s)).data
            if story.status not in WAITING:
                return story
            if not held_s:
                raise StillWaiting(transaction_id)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()


def _id_of(top_up: str | Answer[Any]) -> str:
    transaction_id = top_up if isinstance(top_up, str) else top_up.transaction_id
    if transaction_id is None:
        raise ValueError("This answer isn't about a top-up.")
    return transaction_id


def _headers(key: str | None) -> dict[str, str]:
    agent = {"User-Agent": f"topup-gateway-python/{_VERSION}"}
    if key is None:
        return agent
    # A file's last line may end in a line break. The connection's own error would print the key.
    key = key.strip()
    if not (key and key.isascii() and key.isprintable()):
        raise ValueError("The API key must be one line of ASCII characters.")
    return {**agent, "Authorization": f"Bearer {key}"}


def _timeout(timeout_s: float) -> httpx.Timeout:
    """Allow longer for reading: the gateway may hold a status call."""
    return httpx.Timeout(timeout_s, read=max(timeout_s, HELD_S + 10))


def _held_s(end: float) -> int:
    """Return how long the gateway may hold the next status call. 0: it is the last one."""
    return max(0, min(HELD_S, math.ceil(end - time.monotonic())))
