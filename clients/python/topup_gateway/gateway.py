"""A gateway as a program meets it: Gateway blocks, AsyncGateway is awaited; both make the same calls."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any, Final, ParamSpec, Protocol, Self, TypeVar, cast

import httpx

from .attempts import Attempts, Retries
from .call import Call
from .calls import get_topup_status_transaction_id, post_topup_send
from .errors import StillWaiting
from .generated.models import (
    SendBody,
    Sent202Answer,
    SentAnswer,
    SentForApproval202Answer,
    TopUpStory,
)
from .generated.types import UNSET

P = ParamSpec("P")
T = TypeVar("T")
I_co = TypeVar("I_co", covariant=True)

SendAnswer = SentAnswer | Sent202Answer | SentForApproval202Answer
WAITING: Final = frozenset({"scheduled", "pending", "reversing"})
# The gateway answers a question about what waits when it changes, or after so long.
HELD_S: Final = 20
TIMEOUT_S: Final = 30.0
try:
    _VERSION = version("topup-gateway-client")
except PackageNotFoundError:
    _VERSION = "0"


class Items(Protocol[I_co]):
    """The data of a list."""

    @property
    def items(self) -> Sequence[I_co]: ...
    @property
    def next_cursor(self) -> str | None: ...


class Listed(Protocol[I_co]):
    """The answer of a list."""

    @property
    def data(self) -> Items[I_co]: ...


class Gateway:
    """Calls that block. url: the gateway's address; key: an API key, or None for what needs none.

    Use it as a context manager, or close() it. http: a client of your own, with its own timeouts.
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
        self._retries = retries or Retries()
        self._http = http or httpx.Client(timeout=_timeout(timeout_s))
        self._http.base_url = httpx.URL(url)
        self._http.headers.update(_headers(key))

    def run(self, call: Call[T]) -> T:
        """Makes a call of topup_gateway.calls; raises GatewayError (errors.py)."""
        attempts = Attempts(call, self._retries)
        while True:
            try:
                response = self._http.request(**attempts.request())
            except httpx.TransportError as error:
                pause_s = attempts.pause_after_silence(error)
            else:
                if response.is_success:
                    return attempts.read(response)
                pause_s = attempts.pause_after_refusal(response)
            time.sleep(pause_s)

    def send(self, body: SendBody, *, idempotency_key: str | None = None) -> SendAnswer:
        """Sends a top-up, once. Without a key of your own each call of send is another top-up."""
        return self.run(post_topup_send(body=body, idempotency_key=idempotency_key or UNSET))

    def wait(self, transaction_id: str, *, timeout_s: float = 300) -> TopUpStory:
        """The top-up once it has ended, and a person has decided on it; raises StillWaiting."""
        end = time.monotonic() + timeout_s
        while True:
            held_s = _held_s(end)
            story = self.run(get_topup_status_transaction_id(transaction_id, wait_s=held_s)).data
            if story.status not in WAITING:
                return story
            if not held_s:
                raise StillWaiting(transaction_id)

    def items(
        self, calls: Callable[P, Call[Listed[I_co]]], *args: P.args, **filters: P.kwargs
    ) -> Iterator[I_co]:
        """Every item of a list, page by page: gateway.items(get_topup_history, status="delivered")."""
        cursor: str | None = None
        while True:
            page = self.run(calls(*args, **cast(Any, _from(cursor, filters)))).data
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def close(self) -> None:
        """Closes the connections."""
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


class AsyncGateway:
    """As Gateway, awaited."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        retries: Retries | None = None,
        timeout_s: float = TIMEOUT_S,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._retries = retries or Retries()
        self._http = http or httpx.AsyncClient(timeout=_timeout(timeout_s))
        self._http.base_url = httpx.URL(url)
        self._http.headers.update(_headers(key))

    async def run(self, call: Call[T]) -> T:
        """Makes a call of topup_gateway.calls; raises GatewayError (errors.py)."""
        attempts = Attempts(call, self._retries)
        while True:
            try:
                response = await self._http.request(**attempts.request())
            except httpx.TransportError as error:
                pause_s = attempts.pause_after_silence(error)
            else:
                if response.is_success:
                    return attempts.read(response)
                pause_s = attempts.pause_after_refusal(response)
            await asyncio.sleep(pause_s)

    async def send(self, body: SendBody, *, idempotency_key: str | None = None) -> SendAnswer:
        """Sends a top-up, once. Without a key of your own each call of send is another top-up."""
        return await self.run(post_topup_send(body=body, idempotency_key=idempotency_key or UNSET))

    async def wait(self, transaction_id: str, *, timeout_s: float = 300) -> TopUpStory:
        """The top-up once it has ended, and a person has decided on it; raises StillWaiting."""
        end = time.monotonic() + timeout_s
        while True:
            held_s = _held_s(end)
            call = get_topup_status_transaction_id(transaction_id, wait_s=held_s)
            story = (await self.run(call)).data
            if story.status not in WAITING:
                return story
            if not held_s:
                raise StillWaiting(transaction_id)

    async def items(
        self, calls: Callable[P, Call[Listed[I_co]]], *args: P.args, **filters: P.kwargs
    ) -> AsyncIterator[I_co]:
        """Every item of a list, page by page."""
        cursor: str | None = None
        while True:
            answer = await self.run(calls(*args, **cast(Any, _from(cursor, filters))))
            for item in answer.data.items:
                yield item
            cursor = answer.data.next_cursor
            if cursor is None:
                return

    async def close(self) -> None:
        """Closes the connections."""
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


def _headers(key: str | None) -> dict[str, str]:
    named = {"User-Agent": f"topup-gateway-python/{_VERSION}"}
    return named if key is None else {**named, "Authorization": f"Bearer {key}"}


def _timeout(timeout_s: float) -> httpx.Timeout:
    """A question that the gateway holds may take longer than any other call."""
    return httpx.Timeout(timeout_s, read=max(timeout_s, HELD_S + 10))


def _held_s(end: float) -> int:
    """How long the gateway may hold the next question; 0: it is the last."""
    return max(0, min(HELD_S, math.ceil(end - time.monotonic())))


def _from(cursor: str | None, filters: dict[str, object]) -> dict[str, object]:
    return filters if cursor is None else {**filters, "cursor": cursor}
