"""Call a payment provider's API within one deadline, with limits on retries and on the response size.

A request is retried only while its outcome is unknown, with the same bytes and headers. Errors and logs never contain
headers or bodies.
"""

import asyncio
import contextlib
import hmac
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import httpx
import msgspec

from billing.providers.protocol import NotificationRefused, ProviderRefused, ProviderUnavailable

CALL_S_MAX = 15.0
TRY_S_MAX = 7.0
TRIES_MAX = 3
PAUSES_S = (0.1, 0.3)
BODY_BYTES_MAX = 1024 * 1024
PROVIDER_EXTENSION = "topup.provider"
_RETRIED_BELOW_500 = frozenset({408, 425, 429})
_WORD = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class RequestRefused(ProviderRefused):
    def __init__(self, provider: str, said: str, what: str = "the payment") -> None:
        super().__init__(f"{provider} refused {what}" + (f": {said}" if said else ""))
        self.provider, self.said = provider, said


def refusal_of(error: ProviderRefused, what: str) -> ProviderRefused:
    if not isinstance(error, RequestRefused):
        return error
    return RequestRefused(error.provider, error.said, what)


class NoAnswer(Exception):
    pass


@contextlib.asynccontextmanager
async def within_deadline(provider: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(CALL_S_MAX):
            yield
    except TimeoutError:
        raise unavailable(provider, "timeout") from None


async def call_once(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes = b"",
    provider: str = "other",
    try_s_max: float = TRY_S_MAX,
) -> ProviderAnswer:
    try:
        async with asyncio.timeout(try_s_max):
            request = client.build_request(
                method,
                url,
                headers={"Accept-Encoding": "identity", **headers},
                content=content,
                timeout=try_s_max,
                extensions={PROVIDER_EXTENSION: provider},
            )
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                body = await _read(response)
            finally:
                await response.aclose()
    except TimeoutError:
        raise NoAnswer("timeout") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise NoAnswer(type(error).__name__) from None
    return ProviderAnswer(response.status_code, response.headers, body)


async def call(
    client: httpx.AsyncClient,
    provider: str,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes = b"",
    tries_max: int = TRIES_MAX,
) -> ProviderAnswer:
    """Return the first usable response. Raise ProviderUnavailable if every try fails. Set `tries_max` to 1 for a
    request that must not be sent twice.
    """
    for number in range(tries_max):
        try:
            answer = await call_once(
                client, method, url, headers=headers, content=content, provider=provider
            )
        except NoAnswer as error:
            why = str(error)
        else:
            if not says_nothing(answer.status):
                return answer
            why = f"HTTP {answer.status}"
        if number + 1 < tries_max:
            await asyncio.sleep(PAUSES_S[number])
    raise unavailable(provider, why)


def says_nothing(status: int) -> bool:
    return status >= 500 or status < 200 or status in _RETRIED_BELOW_500


def decoded(provider: str, body: bytes | str, form: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise unavailable(provider, "an unreadable answer") from None


def unavailable(provider: str, why: str) -> ProviderUnavailable:
    """Log the reason and return the exception to raise. `why` must not contain text from the provider."""
    logger.warning("provider.unavailable", extra={"provider": provider, "why": why})
    return ProviderUnavailable(
        f"{provider} isn't responding. Try again in a moment.", retry_after_s=2
    )


def refused(provider: str, status: int, *words: str | None) -> ProviderRefused:
    """Log the refusal and return the exception to raise. `words` contains the provider's codes, not its messages."""
    said = ", ".join(word for word in words if word and _WORD.fullmatch(word))
    extra = {"provider": provider, "status": status, "said": said}
    if status in (401, 403):
        logger.error("provider.credentials_refused", extra=extra)
        return ProviderRefused(f"{provider} doesn't accept the gateway's credentials.")
    logger.warning("provider.refused", extra=extra)
    return RequestRefused(provider, said)


def check_signature(sent: bytes, ours: Sequence[bytes]) -> None:
    """Raise NotificationRefused unless `sent` equals one of `ours`. Every value is compared, so that timing reveals
    nothing.
    """
    equal = [hmac.compare_digest(sent, one) for one in ours]
    if not any(equal):
        raise NotificationRefused("The event's signature is invalid.", reason="signature")


async def _read(response: httpx.Response) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        # Refuse compression, because a small compressed response can expand to a huge one.
        raise NoAnswer("compressed unasked")
    chunks = []
    size_bytes = 0
    async for chunk in response.aiter_bytes():
        size_bytes += len(chunk)
        if size_bytes > BODY_BYTES_MAX:
            raise NoAnswer("too large")
        chunks.append(chunk)
    return b"".join(chunks)
