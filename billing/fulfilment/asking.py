"""How a way of fulfilment asks over HTTP: one deadline, a bounded body, JSON that can mean one thing.

Promise: whatever the other side does, `ask` returns a whole answer of at most BODY_BYTES_MAX within
timeout_s or raises NoSupplierAnswer, and `decoded` returns the asked-for form or raises NoSupplierAnswer. So what is not
clearly said is no word, and the top-up is asked about again.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeVar

import httpx
import msgspec

BODY_BYTES_MAX: Final = 256 * 1024

T = TypeVar("T")


class NoSupplierAnswer(Exception):
    """Nothing to rely on came back; the text is for the operator and holds nothing of the answer."""


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
                return await _body_of(response)
            finally:
                await response.aclose()
    except TimeoutError:
        raise NoSupplierAnswer("timeout") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise NoSupplierAnswer(type(error).__name__) from None


def decoded(body: bytes, form: type[T]) -> T:
    """The JSON in this form; raises NoSupplierAnswer, also where a name stands twice."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
        return msgspec.convert(value, form)
    except (ValueError, RecursionError):
        raise NoSupplierAnswer("an unreadable answer") from None


async def _body_of(response: httpx.Response) -> bytes:
    if response.status_code != 200:
        raise NoSupplierAnswer(f"HTTP {response.status_code}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise NoSupplierAnswer("compressed unasked")
    chunks, size_bytes = [], 0
    async for chunk in response.aiter_bytes():
        size_bytes += len(chunk)
        if size_bytes > BODY_BYTES_MAX:
            raise NoSupplierAnswer("too large an answer")
        chunks.append(chunk)
    return b"".join(chunks)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
