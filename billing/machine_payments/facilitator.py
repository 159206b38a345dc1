"""Verify and settle payments by machines without an account. A facilitator handles x402, and a provider charges shared
payment tokens. Both can be simulated.

A response is used only if it is about this payment's network, payer and amount. The log never contains headers or
bodies, only whether the facilitator lists this gateway.
"""

import base64
import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

import httpx
import msgspec

from billing.ledger.price import Price
from billing.machine_payments.commands import PaymentVerdict
from billing.machine_payments.offer import CURRENCY
from billing.providers.abilities import (
    SharedToken,
    SharedTokens,
    TokenCharge,
    TokenCharged,
    TokenDeclined,
    TokenOutcome,
)
from billing.providers.http import NoAnswer, call_once, says_nothing, unavailable
from billing.providers.protocol import ProviderRefused, ProviderUnavailable
from kernel.clock import Clock
from kernel.storable import storable

VERIFY_S_MAX: Final = 10.0
SETTLE_S_MAX: Final = 45.0
NAME: Final = "x402"
_NEVER_SENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout"})
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
_BAD: Final = 400
_LISTING_CHARACTERS_MAX: Final = 4_096
_log = logging.getLogger(__name__)

T = TypeVar("T")


class Expected(NamedTuple):
    network: str
    payer: str
    amount: str
    settlement: str | None = None
    expires_at: int = 0


class Verified(NamedTuple):
    is_valid: bool
    reason: str = ""


class Settlement(NamedTuple):
    """The result of settling a payment.

    - is_lost: the payment may have been settled without a report.
    - is_for_person: an operator must decide.
    - is_final: no earlier request for this payment settled it.
    """

    verdict: PaymentVerdict
    detail: str | None = None
    transaction: str | None = None
    is_lost: bool = False
    is_for_person: bool = False
    is_final: bool = False


class Facilitator(Protocol):
    """Verify and settle payments. `request` is the stored payment. For x402, this is the JSON body of /verify and
    /settle.
    """

    async def verify(self, request: bytes, expected: Expected) -> Verified: ...

    async def settle(self, request: bytes, expected: Expected) -> Settlement: ...


class _VerifyAnswer(msgspec.Struct, rename="camel"):
    is_valid: bool
    invalid_reason: str | None = None
    payer: str | None = None


class _SettleAnswer(msgspec.Struct, rename="camel"):
    success: bool
    transaction: str = ""
    network: str = ""
    payer: str | None = None
    amount: str | None = None
    error_reason: str | None = None


class _Listing(msgspec.Struct, rename="camel"):
    status: str
    rejected_reason: str | None = None


class _Listings(msgspec.Struct):
    bazaar: _Listing | None = None


_LISTINGS: Final = msgspec.json.Decoder(_Listings)


@dataclass(frozen=True, slots=True)
class HttpFacilitator:
    client: httpx.AsyncClient
    url: str
    key: str = ""

    async def verify(self, request: bytes, expected: Expected) -> Verified:
        try:
            status, body = await self._post("verify", request, VERIFY_S_MAX)
        except NoAnswer as error:
            raise unavailable(NAME, str(error)) from None
        said = _read(body, _VerifyAnswer)
        if says_nothing(status) or said is None:
            raise unavailable(NAME, f"HTTP {status}")
        if said.payer is not None and said.payer.lower() != expected.payer:
            raise unavailable(NAME, "another payer")
        is_valid = said.is_valid and status < _BAD
        return Verified(is_valid, "" if is_valid else _word(said.invalid_reason) or "refused")

    async def settle(self, request: bytes, expected: Expected) -> Settlement:
        try:
            status, body = await self._post("settle", request, SETTLE_S_MAX)
        except NoAnswer as error:
            why = str(error)
            return Settlement("unknown", f"no answer: {why}", is_lost=why not in _NEVER_SENT)
        said = _read(body, _SettleAnswer)
        if says_nothing(status) or said is None:
            return Settlement("unknown", f"no answer to rely on: HTTP {status}", is_lost=True)
        if said.success and status < _BAD:
            return _believed(said, expected)
        reason = _word(said.error_reason) or "no reason given"
        if said.success or said.transaction:
            return Settlement("unknown", reason, _word(said.transaction), is_lost=True)
        return Settlement("refused", reason)

    async def _post(self, what: str, request: bytes, try_s_max: float) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        answer = await call_once(
            self.client,
            "POST",
            f"{self.url}/{what}",
            headers=headers,
            content=request,
            provider=NAME,
            try_s_max=try_s_max,
        )
        _note_listing(answer.headers.get("extension-responses"))
        return answer.status, answer.body


class SimulatedFacilitator:
    async def verify(self, request: bytes, expected: Expected) -> Verified:  # noqa: ARG002
        return Verified(is_valid=True)

    async def settle(self, request: bytes, expected: Expected) -> Settlement:  # noqa: ARG002
        signed = msgspec.json.encode(msgspec.json.decode(request)["paymentPayload"]["payload"])
        return Settlement("settled", transaction=f"0x{hashlib.sha256(signed).hexdigest()}")


def _believed(said: _SettleAnswer, expected: Expected) -> Settlement:
    transaction = _word(said.transaction)
    others: Mapping[str, bool] = {
        "network": said.network != expected.network,
        "payer": said.payer is not None and said.payer.lower() != expected.payer,
        "amount": said.amount is not None and said.amount != expected.amount,
        "transaction": not transaction,
    }
    wrong = [name for name, is_other in others.items() if is_other]
    if wrong:
        detail = f"the facilitator told of another {', '.join(wrong)}"
        return Settlement("unknown", detail, transaction, is_lost=True, is_for_person=True)
    return Settlement("settled", transaction=transaction)


def _note_listing(header: str | None) -> None:
    """Log the facilitator's verdict on this gateway's catalogue entry (x402's EXTENSION-RESPONSES header)."""
    if header is None or len(header) > _LISTING_CHARACTERS_MAX:
        return
    try:
        said = _LISTINGS.decode(base64.b64decode(header, validate=True)).bazaar
    except (ValueError, RecursionError):
        return
    if said is not None and _word(said.status):
        reason = (
            None
            if said.rejected_reason is None
            else storable(said.rejected_reason, characters_max=200)
        )
        level = logging.WARNING if said.status == "rejected" else logging.INFO
        _log.log(level, "x402.listing", extra={"status": said.status, "reason": reason})


def _read(body: bytes, form: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _word(text: str | None) -> str | None:
    return text if text and _WORD.fullmatch(text) else None


DECLINED_PREFIX: Final = "spt_declined"
TITLE: Final = "Prepaid AI credit"


class TokenProof(msgspec.Struct, frozen=True):
    payment_id: str
    token: str
    cents: int

    def encoded(self) -> bytes:
        return msgspec.json.encode(self)

    @property
    def price(self) -> Price:
        return Price(self.cents, CURRENCY)


@dataclass(frozen=True, slots=True)
class TokenFacilitator:
    """Charge a shared payment token at its provider, with the payment's idempotency key.

    After the challenge has expired, only query the charge. `request` is an encoded TokenProof.
    """

    tokens: SharedTokens
    clock: Clock

    async def verify(self, request: bytes, expected: Expected) -> Verified:  # noqa: ARG002
        proof = _proof(request)
        found = await self.tokens.find_token(proof.token)
        reason = _unfit(found, proof.price, self.clock.now_us())
        return Verified(reason is None, reason or "")

    async def settle(self, request: bytes, expected: Expected) -> Settlement:
        proof = _proof(request)
        try:
            outcome = await self._outcome(proof, expected)
        except ProviderUnavailable:
            return Settlement("unknown", "the provider did not answer", expected.settlement, True)
        except ProviderRefused as error:
            return Settlement("refused", error.detail)
        if outcome is None:
            why = "the provider's search shows no charge of it yet"
            return Settlement("unknown", why, is_lost=True)
        return _settlement(outcome, proof)

    async def _outcome(self, proof: TokenProof, expected: Expected) -> TokenOutcome | None:
        is_over = self.clock.now_us() >= expected.expires_at
        if expected.settlement is not None or is_over:
            return await self.tokens.token_charged(proof.payment_id, expected.settlement)
        charge = TokenCharge(proof.payment_id, proof.token, proof.price, TITLE)
        return await self.tokens.charge_token(charge)


class SimulatedTokens:
    async def verify(self, request: bytes, expected: Expected) -> Verified:  # noqa: ARG002
        return Verified(is_valid=True)

    async def settle(self, request: bytes, expected: Expected) -> Settlement:  # noqa: ARG002
        proof = _proof(request)
        if proof.token.startswith(DECLINED_PREFIX):
            return Settlement("refused", "card_declined", is_final=True)
        return Settlement("settled", transaction=f"pi_{proof.payment_id.removeprefix('mpy_')}")


def _unfit(found: SharedToken | None, price: Price, now_us: int) -> str | None:
    if found is None:
        return "token_unknown"
    if found.is_ended:
        return "token_ended"
    if found.expires_at is not None and found.expires_at <= now_us:
        return "token_expired"
    if found.left is None:
        return None
    if found.left.currency != price.currency:
        return "token_currency"
    return "token_limit" if found.left.amount < price.amount else None


def _settlement(outcome: TokenOutcome, proof: TokenProof) -> Settlement:
    if isinstance(outcome, TokenDeclined):
        return Settlement("refused", outcome.reason, is_final=True)
    if not isinstance(outcome, TokenCharged):
        return Settlement("unknown", "the provider has not decided", outcome.ref, is_lost=True)
    if outcome.price != proof.price:
        why = "the provider told of another amount"
        return Settlement("unknown", why, outcome.ref, is_lost=True, is_for_person=True)
    return Settlement("settled", transaction=outcome.ref)


def _proof(request: bytes) -> TokenProof:
    return msgspec.json.decode(request, type=TokenProof)
