"""How a supplier is asked over HTTP: one deadline, a bounded body, JSON that can mean one thing.

Promise: whatever the other side does, `ask` and `ask_any` return a whole answer of at most
BODY_BYTES_MAX within timeout_s or raise NoSupplierAnswer, and `decoded` returns the asked-for form or
raises NoSupplierAnswer. So what is not clearly said is no word, and the top-up is asked about again.
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
    """Nothing to rely on came back; the text is for the operator and holds nothing of the answer.

    again_in_s: when asking again makes sense, if the other side said so. is_unreadable: an answer came, and not in
    the form that was asked for. status: of an answer that is none for its status alone.
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
    """A whole answer, whatever its status; headers by their names in small letters.

    retry_after_s: what its Retry-After says, in seconds.
    """

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
    """The body of a 200; raises NoSupplierAnswer. timeout_s is for the whole, however slowly it drips."""
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
    """The answer of any status, for vendors whose statuses mean something; raises NoSupplierAnswer.

    What a status means is the caller's to say, and with care: a 4xx of a proxy in between is no word
    of the vendor's.
    """
    try:
        async with asyncio.timeout(timeout_s):
            request = client.build_request(
                method,
                url,
                # Inflating is how a small answer becomes a large one.
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
    """The JSON in this form; raises NoSupplierAnswer, also where a name stands twice."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
        return msgspec.convert(value, form)
    except (ValueError, RecursionError):
        raise NoSupplierAnswer("an unreadable answer", is_unreadable=True) from None


def _broken(error: Exception) -> str:
    """What went wrong on the way, in words; the exception's name for whoever looks it up."""
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
    """In seconds; a date, and what is no number, say nothing."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), RETRY_AFTER_S_MAX) if text.isascii() and text.isdigit() else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
