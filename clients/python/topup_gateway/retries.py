"""When a call is repeated, and after how long.

- A call that may change something is repeated only with an Idempotency-Key, or with the payment that it
  carries. Every attempt has the same one, so that the gateway does it once.
- Repeated are: no answer, HTTP 429, 500, 502, 503 and 504, and code 4003 (the first attempt is in progress).
- The number of attempts and each wait are bounded.
"""

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar, cast

import httpx
from pydantic import TypeAdapter, ValidationError

from .errors import ApiError, ConnectionFailed, GatewayError, UnexpectedAnswer, error_of

T = TypeVar("T")
KEY_HEADER = "Idempotency-Key"
_IN_PROGRESS = 4003
_MAY_PASS = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Retries:
    """`wait_s` doubles with each attempt, with jitter. A Retry-After of the gateway replaces it.

    If the gateway asks for more than `wait_max_s`, the call is not repeated.
    """

    tries_max: int = 5
    wait_s: float = 0.5
    wait_max_s: float = 30.0

    def pause_s(self, tries: int) -> float:
        """Return how long to wait after this many attempts."""
        longest = min(self.wait_s * 2 ** (tries - 1), self.wait_max_s)
        return float(longest * (0.5 + random.random() / 2))


@dataclass(frozen=True)
class Call(Generic[T]):
    """A call of the API. `key` is its Idempotency-Key, None for calls that take none."""

    method: str
    path: str
    answer: type[T]
    body: Mapping[str, object] | None = None
    query: Mapping[str, object] = field(default_factory=dict)
    key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = False


def new_key() -> str:
    """Return an Idempotency-Key for a caller who gave none."""
    return str(uuid.uuid4())


class Attempts(Generic[T]):
    """The attempts at one call."""

    def __init__(self, call: Call[T], retries: Retries) -> None:
        self._call = call
        self._retries = retries
        self._tries = 0

    def request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """Return the next attempt's request."""
        self._tries += 1
        call = self._call
        headers = {**call.headers, KEY_HEADER: call.key} if call.key else dict(call.headers)
        content = None if call.body is None else _JSON.dump_json(call.body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        query = _JSON.dump_python(
            {_plain(name): value for name, value in call.query.items()}, mode="json"
        )
        return http.build_request(
            call.method, call.path, params=query, content=content, headers=headers
        )

    def read(self, response: httpx.Response) -> T:
        """Return the answer of a success."""
        if self._call.answer is bytes:
            return cast(T, response.content)
        try:
            return cast(T, _adapter(cast(Any, self._call.answer)).validate_json(response.content))
        except ValidationError as error:
            raise UnexpectedAnswer(response, self._call.key) from error

    def pause_after_silence(self, error: httpx.TransportError) -> float:
        """Return how long to wait when no answer came, or raise ConnectionFailed."""
        if isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
            raise error  # The address or a header is wrong: nothing was sent.
        if not self._may_repeat():
            raise ConnectionFailed(f"{type(error).__name__}: {error}", self._call.key) from error
        return self._retries.pause_s(self._tries)

    def pause_after_refusal(self, response: httpx.Response) -> float:
        """Return how long to wait after a refusal, or raise its error."""
        error = error_of(response, self._call.key)
        if not self._may_repeat() or not _may_pass(error, response.status_code):
            raise error
        asked = response.headers.get("retry-after", "")
        pause_s = float(asked) if asked.isdigit() else self._retries.pause_s(self._tries)
        if pause_s > self._retries.wait_max_s:
            raise error
        return pause_s

    def _may_repeat(self) -> bool:
        call = self._call
        is_safe = call.method == "GET" or call.key is not None or call.is_repeatable
        return is_safe and self._tries < self._retries.tries_max


def _may_pass(error: GatewayError, status: int) -> bool:
    return status in _MAY_PASS or (isinstance(error, ApiError) and error.code == _IN_PROGRESS)


def _plain(name: str) -> str:
    """Return the name in the query of an argument: `from_` stands for `from`, a word of Python."""
    return name.rstrip("_")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


_JSON: TypeAdapter[Any] = TypeAdapter(Any)
