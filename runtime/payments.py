"""Open a process's payment providers and machine payments.

Simulated providers' secrets and keys are created once for an installation, and stored encrypted.
"""

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping
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
from billing.providers.http import BODY_BYTES_MAX, PROVIDER_EXTENSION
from billing.providers.registry import Providers
from kernel.clock import Clock
from keys.vault import Vault
from runtime.metrics import Metrics, PlainHistogram
from runtime.settings import Settings
from store.database import Database, Transaction
from webhooks.http.guard import Policy
from webhooks.http.httpx_transport import GuardedTransport
from webhooks.http.names import OPERATOR_FAILURE_WAIT_S_MAX, Resolver
from webhooks.http.transport import Transport

logger = logging.getLogger(__name__)
DATA_KEY: Final = "machine_payments"


class TimedTransport(httpx.AsyncBaseTransport):
    """Measure how long another transport's calls take. The owner of that transport closes it."""

    def __init__(self, inside: httpx.AsyncBaseTransport, seconds: PlainHistogram) -> None:
        self._inside = inside
        self._seconds = seconds

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        began_s = time.monotonic()
        # A call that the caller's deadline cancels counts as a timeout.
        outcome = "timeout"
        try:
            response = await self._inside.handle_async_request(request)
            outcome = f"{response.status_code // 100}xx"
        except httpx.TimeoutException:
            raise
        except httpx.HTTPError:
            outcome = "no_answer"
            raise
        finally:
            provider = str(request.extensions.get(PROVIDER_EXTENSION, "other"))
            self._seconds.observe(time.monotonic() - began_s, provider, outcome)
        return response


@contextlib.asynccontextmanager
async def open_providers(
    settings: Settings,
    database: Database,
    vault: Vault,
    resolver: Resolver,
    clock: Clock,
    metrics: Metrics,
) -> AsyncIterator[Providers]:
    """Open each provider with its settings, and log which providers lack settings.

    Providers may have private addresses, because the operator chose them.
    """
    setup = settings.providers
    for note in setup.notes:
        logger.warning("provider.not_offered", extra={"fields": {"detail": note}})
    secrets = await _simulated_secrets(setup.registrations, database, vault, clock)
    transport = Transport(
        Policy.of_operator(), resolver, clock, failure_wait_s_max=OPERATOR_FAILURE_WAIT_S_MAX
    )
    guarded = GuardedTransport(transport, body_bytes_max=BODY_BYTES_MAX)
    timed = TimedTransport(guarded, metrics.provider_seconds)
    try:
        async with httpx.AsyncClient(transport=timed, trust_env=False) as client:
            yield Providers(
                setup.registrations,
                setup.settings,
                simulated_secrets=secrets,
                client=client,
                clock=clock,
            )
    finally:
        await transport.close()


async def _simulated_secrets(
    names: Iterable[str], database: Database, vault: Vault, clock: Clock
) -> dict[str, str]:
    listed = list(names)

    async def work(tx: Transaction) -> dict[str, str]:
        now_us = clock.now_us()
        return {
            name: (await vault.data_key(tx, f"sandbox/{name}", now_us=now_us)).hex()
            for name in listed
        }

    return await database.transaction(work)


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
    """Open machine payments. The facilitator may have a private address."""
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
