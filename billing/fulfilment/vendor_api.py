"""A vendor's JSON API: one base address, one credential, one time limit for each call.

`call` returns whole responses to judge: a 2xx, 400, 404 or 422. All else raises NoSupplierAnswer: a refused
credential (401, 403), a proxy's 5xx or a 429 says nothing about the top-up.
"""

from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

import httpx
import msgspec

from billing.fulfilment.asking import NoSupplierAnswer, SupplierAnswer, ask_any, decoded
from billing.fulfilment.protocol import OptionsRefused, Unknown

WORDS: Final = frozenset({200, 201, 204, 400, 404, 422})
BAD_CREDENTIAL: Final = frozenset({401, 403})
MESSAGE_CHARACTERS_MAX: Final = 150
_CENTS: Final = Decimal(100)
_USD_MAX: Final = Decimal(10) ** 12
# Vendors store dollars as floating point; closer amounts are equal.
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
        """Raise OptionsRefused for an address or credential that no request could carry."""
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
        answer = await ask_any(
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
    """Return the reason in {"error": {"code", "message"}}. Raises NoSupplierAnswer for another form or
    status: it may come from a proxy.
    """
    error = decoded(answer.body, _ErrorAnswer).error
    if str(error.code) != str(answer.status):
        raise NoSupplierAnswer(f"HTTP {answer.status} in an unknown form")
    return error.message[:MESSAGE_CHARACTERS_MAX]


def silence_is_unknown(
    method: Callable[_P, Coroutine[Any, Any, _T]],
) -> Callable[_P, Coroutine[Any, Any, _T | Unknown]]:
    @wraps(method)
    async def asked(*args: _P.args, **kwargs: _P.kwargs) -> _T | Unknown:
        try:
            return await method(*args, **kwargs)
        except NoSupplierAnswer as silence:
            return Unknown(
                str(silence),
                again_in_s=silence.again_in_s,
                is_unreadable=silence.is_unreadable,
            )

    return asked


def usd_of_cents(cents: int) -> Decimal:
    return Decimal(cents) / _CENTS


def usd_of_number(number: float) -> Decimal:
    """Return a JSON number exactly as written; raise NoSupplierAnswer if it is no amount."""
    # The digits that were sent, not the nearest binary fraction's.
    amount = Decimal(str(number))
    if not amount.is_finite() or abs(amount) > _USD_MAX:
        raise NoSupplierAnswer("an amount that cannot be read")
    return amount


def is_same_usd(one: Decimal, other: Decimal) -> bool:
    """Compare amounts but for the vendor's floating point."""
    return abs(one - other) < _USD_STEP


def cents_of_usd(amount: Decimal) -> int:
    """Return whole cents, rounded down: what is left is never overstated."""
    return int((amount * _CENTS).to_integral_value(rounding="ROUND_FLOOR"))


def shown_usd(amount: Decimal) -> str:
    return f"${amount.quantize(Decimal('0.01'))}"
