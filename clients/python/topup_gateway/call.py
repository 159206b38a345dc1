"""One call of the API as a value: what is sent, and what its answer is read as.

The functions of topup_gateway.calls make them; a Gateway, or an AsyncGateway, makes the call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx

from .errors import UnexpectedAnswer

T_co = TypeVar("T_co", covariant=True)
KEY_HEADER = "Idempotency-Key"


@dataclass(frozen=True)
class Call(Generic[T_co]):
    """options: for httpx. takes_key: the gateway knows a repeated call of it by its Idempotency-Key."""

    method: str
    path: str
    parse: Callable[[httpx.Response], T_co]
    options: Mapping[str, Any]
    takes_key: bool

    @property
    def is_unsafe(self) -> bool:
        """It may change something."""
        return self.method != "GET"

    @property
    def key(self) -> str | None:
        """The Idempotency-Key that the caller gave."""
        headers: Mapping[str, str] = self.options.get("headers", {})
        return headers.get(KEY_HEADER)


def unexpected(response: httpx.Response) -> UnexpectedAnswer:
    """An answer that the API's document does not have."""
    return UnexpectedAnswer(response.status_code, response.text[:500])
