"""Call Stripe through its library, with this gateway's HTTP client.

The library takes 25 MB, so this module is loaded only if a key is set.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

import httpx
import msgspec
import stripe

from billing.providers.abilities import CustomerGone
from billing.providers.http import (
    PAUSES_S,
    TRIES_MAX,
    NoAnswer,
    call_once,
    decoded,
    refused,
    says_nothing,
    unavailable,
)
from billing.providers.protocol import ProviderRefused, ProviderUnavailable
from billing.providers.stripe.events import CardError
from billing.providers.stripe.objects import NAME, Named, ref_id

API_BASE = "https://api.stripe.com"

T = TypeVar("T")

_is_lost: ContextVar[bool] = ContextVar("stripe_is_lost", default=False)


class StripeApi:
    def __init__(self, key: str, api_base: str, client: httpx.AsyncClient) -> None:
        # Keep the library from writing to the home directory and from sending telemetry.
        stripe.enable_telemetry = False
        made = stripe.StripeClient(
            key,
            base_addresses={"api": api_base or API_BASE},
            http_client=_Transport(client),
            max_network_retries=TRIES_MAX - 1,
        )
        self._client = made
        self.v1 = made.v1
        self.is_publishable = key.startswith("pk_")

    async def send(self, sent: Awaitable[stripe.StripeObject], form: type[T]) -> T:
        """Return the response as `form`. If Stripe refuses the request, raise ProviderRefused.

        If an earlier try got no response, it may have succeeded, so raise ProviderUnavailable instead.
        """
        _is_lost.set(False)
        try:
            made = await sent
        except stripe.StripeError as error:
            said = _translated(error)
            if _is_lost.get() and not isinstance(said, CardDeclined | ProviderUnavailable):
                said = unavailable(NAME, f"{type(error).__name__} after a lost answer")
            raise said from None
        response = made.last_response
        assert response is not None, "the library keeps the answer of every call"
        return decoded(NAME, response.body, form)

    async def read(self, path: str, form: type[T], *, version: str) -> T:
        try:
            response = await self._client.raw_request_async("get", path, stripe_version=version)
        except stripe.StripeError as error:
            raise _translated(error) from None
        return decoded(NAME, response.body, form)


class _Failure(msgspec.Struct):
    error: dict[str, Any]


class _Transport(stripe.HTTPClient):
    name = "httpx"

    def __init__(self, client: httpx.AsyncClient) -> None:
        super().__init__()
        self._httpx = client

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        content = post_data.encode() if isinstance(post_data, str) else post_data or b""
        try:
            answer = await call_once(
                self._httpx, method.upper(), url, headers=headers, content=content, provider=NAME
            )
        except NoAnswer as error:
            _lose(method)
            raise _unknown(str(error)) from None
        if not _is_whole(answer.body, is_failure=answer.status >= 400):
            _lose(method)
            raise _unknown("an unreadable answer")
        if answer.status >= 500:
            _lose(method)
        return answer.body, answer.status, answer.headers

    async def sleep_async(self, secs: float) -> None:
        await asyncio.sleep(min(secs, PAUSES_S[-1]))


def _lose(method: str) -> None:
    if method.upper() != "GET":
        _is_lost.set(True)


def _unknown(why: str) -> stripe.APIConnectionError:
    make: Any = stripe.APIConnectionError
    error: stripe.APIConnectionError = make(why, should_retry=True)
    return error


def _is_whole(body: bytes, *, is_failure: bool) -> bool:
    form: Any = _Failure if is_failure else dict[str, msgspec.Raw]
    try:
        msgspec.json.decode(body, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _translated(error: stripe.StripeError) -> Exception:
    status = error.http_status
    if isinstance(error, stripe.CardError) and status is not None and not says_nothing(status):
        return _declined(error, status)
    # An idempotency key conflict doesn't reveal the outcome of the first request.
    unknown = stripe.APIConnectionError | stripe.RateLimitError | stripe.IdempotencyError
    is_unknown = isinstance(error, unknown)
    if is_unknown or status is None or status == 409 or says_nothing(status):
        return unavailable(NAME, type(error).__name__)
    param = getattr(error, "param", None)
    refusal = refused(NAME, status, error.code, param)
    if (error.code, param) == ("resource_missing", "customer"):
        return CustomerGone(refusal.detail)
    return refusal


class CardDeclined(ProviderRefused):
    def __init__(self, detail: str, error: CardError, payment_ref: str | None) -> None:
        super().__init__(detail)
        self.error, self.payment_ref = error, payment_ref


class _Decline(CardError):
    payment_intent: Named | None = None


def _declined(error: stripe.StripeError, status: int) -> CardDeclined:
    body: Any = error.json_body
    try:
        said = msgspec.convert(body["error"], _Decline)
    except (msgspec.ValidationError, KeyError, TypeError):
        said = _Decline(error.code)
    detail = refused(NAME, status, said.code, None).detail
    return CardDeclined(detail, said, ref_id(said.payment_intent))


def once(*parts: str) -> Any:
    return {"idempotency_key": "/".join(("topup", *parts))}


class StripePart:
    def __init__(self, api: StripeApi) -> None:
        self._api = api
