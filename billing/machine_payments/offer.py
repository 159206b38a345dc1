"""Define what a machine can pay with: tokens on blockchain networks, or a card.

An asset's facts come from its contract, as listed by the x402 package. Only assets with signed transfers (EIP-3009) are
accepted. Each token counts as one US dollar. Card payments follow draft-stripe-charge-00 and draft-httpauth-payment-01.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from billing.providers.abilities import SharedTokens, ability
from billing.providers.registry import Providers
from keys.principal import ENVIRONMENTS, Environment

SCHEME: Final = "exact"
TIMEOUT_S: Final = 300
CENT_DECIMALS: Final = 2


@dataclass(frozen=True, slots=True)
class Asset:
    """A token. `network` is a CAIP-2 ID. `is_money` means that the token is worth real dollars."""

    network: str
    address: str
    name: str
    version: str
    decimals: int
    is_money: bool


ASSETS: Final = (
    Asset("eip155:8453", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin", "2", 6, True),
    Asset("eip155:1", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USD Coin", "2", 6, True),
    Asset("eip155:137", "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin", "2", 6, True),
    Asset("eip155:42161", "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin", "2", 6, True),
    Asset("eip155:43114", "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", "USD Coin", "2", 6, True),
    Asset("eip155:84532", "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC", "2", 6, False),
    Asset("eip155:421614", "0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d", "USD Coin", "2", 6, False),
)
NETWORKS: Final = tuple(asset.network for asset in ASSETS)
SIMULATED_ASSET: Final = next(asset for asset in ASSETS if asset.network == "eip155:84532")
SIMULATED_ADDRESS: Final = "0x0000000000000000000000000000000000000402"


@dataclass(frozen=True, slots=True)
class Offer:
    environment: Environment
    asset: Asset
    pay_to: str
    is_simulated: bool = False

    def amount(self, cents: int) -> str:
        return str(cents * 10 ** (self.asset.decimals - CENT_DECIMALS))

    def requirements(self, cents: int) -> dict[str, Any]:
        asset = self.asset
        return {
            "scheme": SCHEME,
            "network": asset.network,
            "asset": asset.address,
            "amount": self.amount(cents),
            "payTo": self.pay_to,
            "maxTimeoutSeconds": TIMEOUT_S,
            "extra": {"name": asset.name, "version": asset.version},
        }


def find_asset(network: str, address: str = "") -> Asset | None:
    wanted = address.lower()
    return next(
        (
            asset
            for asset in ASSETS
            if asset.network == network and wanted in ("", asset.address.lower())
        ),
        None,
    )


def offers_of(
    asset: Asset | None, pay_to: str, *, is_simulated_offered: bool = True
) -> Mapping[str, Offer]:
    offers: dict[str, Offer] = {}
    if is_simulated_offered:
        offers["staging"] = Offer("staging", SIMULATED_ASSET, SIMULATED_ADDRESS, is_simulated=True)
    if asset is not None:
        where: Environment = "live" if asset.is_money else "staging"
        offers[where] = Offer(where, asset, pay_to)
    return offers


METHOD: Final = "stripe"
CURRENCY: Final = "USD"
CENTS_MIN: Final = 50
SANDBOX: Final = "sandbox"
SIMULATED_SELLER: Final = "profile_sandbox"


@dataclass(frozen=True, slots=True)
class TokenOffer:
    """Offer payment with a shared payment token, in US cents. If `tokens` is None, the charge is simulated."""

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
    offers: dict[str, TokenOffer] = {}
    if is_simulated_offered:
        offers["staging"] = TokenOffer("staging", SIMULATED_SELLER)
    for environment in ENVIRONMENTS:
        provider = providers.of(METHOD, environment)
        tokens = None if provider is None else ability(provider, SharedTokens)  # type: ignore[type-abstract]
        if tokens is not None:
            offers[environment] = TokenOffer(environment, tokens.seller_id, tokens)
    return offers
