"""The payments of machines in a process: the facilitator's HTTP client, and the key that seals what is posted.

Invariant: the key is made once for this installation and lies sealed, so every process has the same one.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Final

import httpx

from billing.credits.redemption_code import RedemptionCodes
from billing.engine.engine import Engine
from billing.machine_payments.facilitator import Facilitator, HttpFacilitator, StandInFacilitator
from billing.machine_payments.offer import offers_of
from billing.machine_payments.settling import MachinePayments
from billing.providers.http import BODY_BYTES_MAX
from keys.principal import Environment
from keys.vault import Vault
from runtime.metrics import Metrics
from runtime.settings import Settings
from runtime.timed_transport import TimedTransport
from webhooks.http.guard import Policy
from webhooks.http.httpx_transport import GuardedTransport
from webhooks.http.names import OPERATOR_FAILURE_WAIT_S_MAX
from webhooks.http.resolver import Resolver
from webhooks.http.transport import Transport

DATA_KEY: Final = "machine_payments"


@contextlib.asynccontextmanager
async def open_machine_payments(
    settings: Settings,
    vault: Vault,
    resolver: Resolver,
    engine: Engine,
    redemption_key: bytes,
    metrics: Metrics,
) -> AsyncIterator[MachinePayments]:
    """The operator named the facilitator, so it may be at a private address. Raises SealBroken and StoreError."""
    database, clock = engine.database, engine.clock
    key = await database.transaction(lambda tx: vault.data_key(tx, DATA_KEY, now_us=clock.now_us()))
    offers = offers_of(
        settings.x402_offered, settings.x402_pay_to, has_stand_in=settings.self_serve_staging
    )
    codes = RedemptionCodes(redemption_key)
    transport = Transport(
        Policy.of_operator(), resolver, clock, failure_wait_s_max=OPERATOR_FAILURE_WAIT_S_MAX
    )
    guarded = GuardedTransport(transport, body_bytes_max=BODY_BYTES_MAX)
    timed = TimedTransport(guarded, metrics.provider_seconds)
    try:
        async with httpx.AsyncClient(transport=timed, trust_env=False) as client:
            real = HttpFacilitator(
                client,
                settings.x402_facilitator_url.rstrip("/"),
                settings.x402_facilitator_key.get_secret_value(),
            )
            facilitators: dict[Environment, Facilitator] = {
                environment: StandInFacilitator() if offer.is_stand_in else real
                for environment, offer in offers.items()
            }
            yield MachinePayments(
                database, clock, engine, Vault([key]), codes, offers, facilitators
            )
    finally:
        await transport.close()
