"""A process's machine payments: the facilitator that settles them, and the keys that seal and bind them.

The key is made once for this installation and stored sealed, so every process has the same one.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

import httpx
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from billing.credits.redemption_code import RedemptionCodes
from billing.engine.engine import Engine
from billing.machine_payments.facilitator import (
    Facilitator,
    HttpFacilitator,
    SimulatedFacilitator,
    SimulatedTokens,
    TokenFacilitator,
)
from billing.machine_payments.offer import Offer, TokenOffer, offers_of, token_offers_of
from billing.machine_payments.payment import MPP, X402
from billing.machine_payments.settling import MachinePayments
from billing.providers.http import BODY_BYTES_MAX
from billing.providers.registry import Providers
from kernel.clock import Clock
from keys.vault import Vault
from runtime.metrics import Metrics
from runtime.settings import Settings
from runtime.timed_transport import TimedTransport
from webhooks.http.guard import Policy
from webhooks.http.httpx_transport import GuardedTransport
from webhooks.http.names import OPERATOR_FAILURE_WAIT_S_MAX, Resolver
from webhooks.http.transport import Transport

DATA_KEY: Final = "machine_payments"


@contextlib.asynccontextmanager
async def open_machine_payments(
    settings: Settings,
    vault: Vault,
    resolver: Resolver,
    engine: Engine,
    providers: Providers,
    redemption_key: bytes,
    metrics: Metrics,
) -> AsyncIterator[MachinePayments]:
    """Allow a private address of the facilitator, which the operator named. Raises SealBroken and StoreError."""
    database, clock = engine.database, engine.clock
    key = await database.transaction(lambda tx: vault.data_key(tx, DATA_KEY, now_us=clock.now_us()))
    is_simulated_offered = settings.self_serve_staging
    offers = offers_of(
        settings.x402_offered, settings.x402_pay_to, is_simulated_offered=is_simulated_offered
    )
    token_offers = token_offers_of(providers, is_simulated_offered=is_simulated_offered)
    transport = Transport(
        Policy.of_operator(), resolver, clock, failure_wait_s_max=OPERATOR_FAILURE_WAIT_S_MAX
    )
    guarded = GuardedTransport(transport, body_bytes_max=BODY_BYTES_MAX)
    timed = TimedTransport(guarded, metrics.provider_seconds)
    try:
        async with httpx.AsyncClient(transport=timed, trust_env=False) as client:
            yield MachinePayments(
                database,
                clock,
                engine,
                Vault([key]),
                RedemptionCodes(redemption_key),
                offers,
                token_offers,
                {
                    **_of_x402(settings, offers, client),
                    **_of_tokens(token_offers, clock),
                },
                _challenge_key(key),
            )
    finally:
        await transport.close()


def _of_x402(
    settings: Settings, offers: Mapping[str, Offer], client: httpx.AsyncClient
) -> Mapping[tuple[str, str], Facilitator]:
    real = HttpFacilitator(
        client,
        settings.x402_facilitator_url.rstrip("/"),
        settings.x402_facilitator_key.get_secret_value(),
    )
    return {
        (environment, X402): SimulatedFacilitator() if offer.is_simulated else real
        for environment, offer in offers.items()
    }


def _of_tokens(
    offers: Mapping[str, TokenOffer], clock: Clock
) -> Mapping[tuple[str, str], Facilitator]:
    return {
        (environment, MPP): SimulatedTokens()
        if offer.tokens is None
        else TokenFacilitator(offer.tokens, clock)
        for environment, offer in offers.items()
    }


def _challenge_key(key: bytes) -> str:
    info = b"topup payment challenge 1"
    return HKDF(algorithm=SHA256(), length=len(key), salt=None, info=info).derive(key).hex()
