"""Call a supplier over HTTP within one deadline, and accept only short, unambiguous JSON responses.

Any unclear response raises NoSupplierAnswer, and the top-up is checked again later.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import wraps
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

import httpx
import msgspec

from billing.fulfilment.protocol import OptionsRefused, Unknown

BODY_BYTES_MAX: Final = 256 * 1024
HTTP_OK: Final = 200
HTTP_NOT_FOUND: Final = 404
RETRY_AFTER_S_MAX: Final = 600.0

T = TypeVar("T")


class NoSupplierAnswer(Exception):
    """The supplier gave no reliable response. The message is for the operator and contains nothing from the response.

    `again_in_s` is the delay that the supplier asked for. `is_unreadable` means that the response had an unexpected
    format.
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
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None


async def call(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
    content: bytes | None = None,
    params: Mapping[str, str] | None = None,
) -> SupplierAnswer:
    """Return the response, whatever its status. Raise NoSupplierAnswer if none arrives in time.

    The caller interprets the status, because a 4xx may come from a proxy.
    """
    try:
        async with asyncio.timeout(timeout_s):
            request = client.build_request(
                method,
                url,
                # Refuse compression, because a small compressed response can expand to a huge one.
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
    """Decode JSON into `form`. Raise NoSupplierAnswer if the JSON doesn't match `form` or repeats a name."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
        return msgspec.convert(value, form)
    except (ValueError, RecursionError):
        raise NoSupplierAnswer("an unreadable answer", is_unreadable=True) from None


def read_left(text: str | None, form: type[T]) -> T | None:
    try:
        return msgspec.json.decode(text or "", type=form)
    except msgspec.DecodeError:
        return None


def _broken(error: Exception) -> str:
    match error:
        case httpx.ConnectError():
            words = "no connection"
        case httpx.ReadError() | httpx.WriteError() | httpx.RemoteProtocolError():
            words = "the connection broke before the response was complete"
        case httpx.TimeoutException():
            return "timeout"
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            words = "its address can't be called"
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
    text = response.headers.get("Retry-After", "")
    return min(float(text), RETRY_AFTER_S_MAX) if text.isascii() and text.isdigit() else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


WORDS: Final = frozenset({200, 201, 204, 400, 404, 422})
BAD_CREDENTIAL: Final = frozenset({401, 403})
MESSAGE_CHARACTERS_MAX: Final = 150
_CENTS: Final = Decimal(100)
_USD_MAX: Final = Decimal(10) ** 12
# Vendors store dollars as floating point, so amounts closer than this are treated as equal.
_USD_STEP: Final = Decimal("0.000001")
_P = ParamSpec("_P")
_T = TypeVar("_T")
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class VendorApi:
    def __init__(
        self,
        client: httpx.AsyncClient,
        base_url: str,
        *,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> None:
        if not base_url.startswith(("https://", "http://")):
            raise OptionsRefused("base_url begins with https:// or http://")
        if not all(one.isascii() and one.isprintable() for one in headers.values()):
            raise OptionsRefused("a credential is printable ASCII text on one line")
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._headers = {"Content-Type": "application/json", **headers}
        self._timeout_s = timeout_s

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> SupplierAnswer:
        answer = await call(
            self._client,
            method,
            self._base_url + path,
            headers=self._headers,
            content=None if body is None else _ENCODER.encode(body),
            params=params,
            timeout_s=self._timeout_s,
        )
        if answer.status in WORDS:
            return answer
        said = f"HTTP {answer.status}"
        if answer.status in BAD_CREDENTIAL:
            said += ": the credential is not accepted, or lacks a permission"
        raise NoSupplierAnswer(said, again_in_s=answer.retry_after_s)


class _Error(msgspec.Struct):
    code: int | str | None = None
    message: str = ""


class _ErrorAnswer(msgspec.Struct):
    error: _Error


def refusal_of(answer: SupplierAnswer) -> str:
    """Return the message of a refusal in the format {"error": {"code", "message"}}.

    Raise NoSupplierAnswer for any other format or status, which may come from a proxy.
    """
    error = decoded(answer.body, _ErrorAnswer).error
    if str(error.code) != str(answer.status):
        raise NoSupplierAnswer(f"HTTP {answer.status} in an unknown form")
    return error.message[:MESSAGE_CHARACTERS_MAX]


def silence_is_unknown(
    method: Callable[_P, Coroutine[Any, Any, _T]],
) -> Callable[_P, Coroutine[Any, Any, _T | Unknown]]:
    @wraps(method)
    async def called(*args: _P.args, **kwargs: _P.kwargs) -> _T | Unknown:
        try:
            return await method(*args, **kwargs)
        except NoSupplierAnswer as silence:
            return Unknown(
                str(silence),
                again_in_s=silence.again_in_s,
                is_unreadable=silence.is_unreadable,
            )

    return called


def usd_of_cents(cents: int) -> Decimal:
    return Decimal(cents) / _CENTS


def usd_of_number(number: float) -> Decimal:
    amount = Decimal(str(number))
    if not amount.is_finite() or abs(amount) > _USD_MAX:
        raise NoSupplierAnswer("an amount that cannot be read")
    return amount


def is_same_usd(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) < _USD_STEP


def cents_of_usd(amount: Decimal) -> int:
    return int((amount * _CENTS).to_integral_value(rounding="ROUND_FLOOR"))


def shown_usd(amount: Decimal) -> str:
    return f"${amount.quantize(Decimal('0.01'))}"
