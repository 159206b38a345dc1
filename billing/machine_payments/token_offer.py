"""How a payer without an account pays by card: with a shared payment token, in US cents.

Requests follow draft-stripe-charge-00, the method `stripe` of the HTTP authentication scheme `Payment`
(draft-httpauth-payment-01).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from billing.providers.abilities import SharedTokens, ability
from billing.providers.registry import Providers
from keys.principal import ENVIRONMENTS, Environment

METHOD: Final = "stripe"
CURRENCY: Final = "USD"
# The least that a card can be charged.
CENTS_MIN: Final = 50
# The network of simulated payments: no provider has such a payment.
SANDBOX: Final = "sandbox"
SIMULATED_SELLER: Final = "profile_sandbox"


@dataclass(frozen=True, slots=True)
class TokenOffer:
    """seller_id: the operator's, for payers' tokens; tokens: who charges them; null: simulated, in staging."""

    environment: Environment
    seller_id: str
    tokens: SharedTokens | None = None

    def request(self, cents: int) -> dict[str, Any]:
        return {
            "amount": str(cents),
            "currency": CURRENCY.lower(),
            "methodDetails": {"networkId": self.seller_id, "paymentMethodTypes": ["card"]},
        }


def token_offers_of(
    providers: Providers, *, is_simulated_offered: bool = True
) -> Mapping[str, TokenOffer]:
    """Return the offers of environments whose provider accepts such tokens; staging without one simulates
    them.
    """
    offers: dict[str, TokenOffer] = {}
    if is_simulated_offered:
        offers["staging"] = TokenOffer("staging", SIMULATED_SELLER)
    for environment in ENVIRONMENTS:
        provider = providers.of(METHOD, environment)
        tokens = None if provider is None else ability(provider, SharedTokens)  # type: ignore[type-abstract]
        if tokens is not None:
            offers[environment] = TokenOffer(environment, tokens.seller_id, tokens)
    return offers
