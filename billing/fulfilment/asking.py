"""Call a supplier over HTTP: one deadline, a bounded body, unambiguous JSON.

Whatever isn't clearly said raises NoSupplierAnswer, and the top-up is checked again.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeVar

import httpx
import msgspec

BODY_BYTES_MAX: Final = 256 * 1024
HTTP_OK: Final = 200
RETRY_AFTER_S_MAX: Final = 600.0

T = TypeVar("T")


class NoSupplierAnswer(Exception):
    """No reliable response; the text, for the operator, holds nothing of the response.

    again_in_s: when to retry, if the other side said so. is_unreadable: it had another form. status: the one
    that made it unusable.
    """

    def __init__(
        self,
        detail: str,
        *,
        again_in_s: float | None = None,
        is_unreadable: bool = False,
        status: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.again_in_s = again_in_s
        self.is_unreadable = is_unreadable


@dataclass(frozen=True, slots=True)
class SupplierAnswer:
    """Header names in lower case. retry_after_s: from Retry-After."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None


async def ask(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
    content: bytes | None = None,
    params: Mapping[str, str] | None = None,
) -> bytes:
    """Return the body of a 200; raise NoSupplierAnswer. timeout_s bounds the whole, however slow."""
    answer = await ask_any(
        client,
        method,
        url,
        headers=headers,
        timeout_s=timeout_s,
        content=content,
        params=params,
    )
    if answer.status != HTTP_OK:
        raise NoSupplierAnswer(f"HTTP {answer.status}", again_in_s=answer.retry_after_s)
    return answer.body


async def ask_any(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
    content: bytes | None = None,
    params: Mapping[str, str] | None = None,
) -> SupplierAnswer:
    """Return a response of any status; raise NoSupplierAnswer. The caller judges the status: a proxy's 4xx is
    no word of the vendor's.
    """
    try:
        async with asyncio.timeout(timeout_s):
            request = client.build_request(
                method,
                url,
                # Inflating is how a small response becomes a large one.
                headers={"Accept-Encoding": "identity", **headers},
                content=content,
                params=params,
                timeout=timeout_s,
            )
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                return SupplierAnswer(
                    response.status_code,
                    await _body_of(response),
                    dict(response.headers),
                    _retry_after_s(response),
                )
            finally:
                await response.aclose()
    except TimeoutError:
        raise NoSupplierAnswer("timeout") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise NoSupplierAnswer(_broken(error)) from None


def decoded(body: bytes, form: type[T]) -> T:
    """Decode this form; raise NoSupplierAnswer, also for a repeated name."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
        return msgspec.convert(value, form)
    except (ValueError, RecursionError):
        raise NoSupplierAnswer("an unreadable answer", is_unreadable=True) from None


def _broken(error: Exception) -> str:
    match error:
        case httpx.ConnectError():
            words = "no connection"
        case httpx.ReadError() | httpx.WriteError() | httpx.RemoteProtocolError():
            words = "the connection broke before the answer was whole"
        case httpx.TimeoutException():
            return "timeout"
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            words = "its address cannot be asked"
        case _:
            words = "no answer"
    return f"{words} ({type(error).__name__})"


async def _body_of(response: httpx.Response) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise NoSupplierAnswer("compressed unasked")
    chunks, size_bytes = [], 0
    async for chunk in response.aiter_bytes():
        size_bytes += len(chunk)
        if size_bytes > BODY_BYTES_MAX:
            raise NoSupplierAnswer("too large an answer")
        chunks.append(chunk)
    return b"".join(chunks)


def _retry_after_s(response: httpx.Response) -> float | None:
    """Return seconds; dates and non-numbers count as absent."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), RETRY_AFTER_S_MAX) if text.isascii() and text.isdigit() else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
