"""Verify and settle a payment by shared payment token, at its provider or simulated in staging.

The provider is called to charge until the challenge ends, under the payment's idempotency key, and afterwards
only asked. A charge is believed only for this payment's amount. It is made of the stored bytes alone, so each
request is the same.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from billing.ledger.price import Price
from billing.machine_payments.facilitator import Expected, Settlement, Verified
from billing.machine_payments.token_offer import CURRENCY
from billing.providers.abilities import (
    SharedToken,
    SharedTokens,
    TokenCharge,
    TokenCharged,
    TokenDeclined,
    TokenOutcome,
)
from billing.providers.protocol import ProviderRefused, ProviderUnavailable
from kernel.clock import Clock

# Simulated charges of these tokens are declined.
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
    """Implements billing.machine_payments.facilitator.Facilitator; request: a TokenProof's bytes."""

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
            # Its search may lag; after a while an operator decides (settling.py).
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
    """Staging's: every token is good but those that begin with DECLINED_PREFIX."""

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
