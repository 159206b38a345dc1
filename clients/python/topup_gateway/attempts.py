"""When a call is made again, and how long after: the part that needs no network.

Promise: what may change something is repeated only under an Idempotency-Key, which every attempt
carries, so that it happens once. The number of attempts and each wait are bounded.
"""

import random
import uuid
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx

from .call import KEY_HEADER, Call
from .errors import ApiError, ConnectionFailed, GatewayError, error_of

T = TypeVar("T")
IN_PROGRESS = 4003
TOO_MANY = 429
SERVER = 500


@dataclass(frozen=True)
class Retries:
    """At most tries_max attempts. The wait doubles from wait_s, jittered; a Retry-After counts instead, and
    one longer than wait_max_s is not waited for.
    """

    tries_max: int = 5
    wait_s: float = 0.5
    wait_max_s: float = 30.0

    def pause_s(self, tries: int) -> float:
        """How long to wait after so many attempts: half of the doubled wait, and up to as much again."""
        most = min(self.wait_s * 2 ** (tries - 1), self.wait_max_s)
        return float(most * (0.5 + random.random() / 2))


class Attempts(Generic[T]):
    """The attempts at one call. Each failure is told to it: it says how long to wait, or raises."""

    def __init__(self, call: Call[T], retries: Retries) -> None:
        self._call = call
        self._retries = retries
        self._tries = 0
        self.key = (call.key or str(uuid.uuid4())) if call.takes_key else None

    def request(self) -> dict[str, Any]:
        """What httpx is to send now."""
        self._tries += 1
        headers = dict(self._call.options.get("headers", {}))
        if self.key is not None:
            headers[KEY_HEADER] = self.key
        options = {**self._call.options, "headers": headers}
        return {"method": self._call.method, "url": self._call.path, **options}

    def read(self, response: httpx.Response) -> T:
        """The answer of a success; raises UnexpectedAnswer."""
        try:
            return self._call.parse(response)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise error_of(response, self.key) from error

    def pause_after_silence(self, error: httpx.TransportError) -> float:
        """No answer came; raises ConnectionFailed where it is not tried again."""
        if not self._may_repeat():
            raise ConnectionFailed(f"{type(error).__name__}: {error}", self.key) from error
        return self._retries.pause_s(self._tries)

    def pause_after_refusal(self, response: httpx.Response) -> float:
        """The gateway, or what stands before it, refused; raises its error where it is not tried again."""
        error = error_of(response, self.key)
        if not self._may_repeat() or not _may_pass(error, response.status_code):
            raise error
        told = response.headers.get("retry-after", "")
        pause_s = float(told) if told.isdigit() else self._retries.pause_s(self._tries)
        if pause_s > self._retries.wait_max_s:
            raise error
        return pause_s

    def _may_repeat(self) -> bool:
        is_harmless = self.key is not None or not self._call.is_unsafe
        return is_harmless and self._tries < self._retries.tries_max


def _may_pass(error: GatewayError, status: int) -> bool:
    """The same call may succeed in a moment."""
    in_progress = isinstance(error, ApiError) and error.code == IN_PROGRESS
    return in_progress or status == TOO_MANY or status >= SERVER
