"""A process's payment providers: their HTTP client, and the secrets of simulated ones.

A simulated provider's secret is made once for this installation and stored sealed. So every process has the
same one, nobody configures it, and it is of no use in live.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Iterable

import httpx

from billing.providers.http import BODY_BYTES_MAX
from billing.providers.registry import Providers
from kernel.clock import Clock
from keys.vault import Vault
from runtime.metrics import Metrics
from runtime.settings import Settings
from runtime.timed_transport import TimedTransport
from store.database import Database, Transaction
from webhooks.http.guard import Policy
from webhooks.http.httpx_transport import GuardedTransport
from webhooks.http.names import OPERATOR_FAILURE_WAIT_S_MAX, Resolver
from webhooks.http.transport import Transport

logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def open_providers(
    settings: Settings,
    database: Database,
    vault: Vault,
    resolver: Resolver,
    clock: Clock,
    metrics: Metrics,
) -> AsyncIterator[Providers]:
    """Open each provider with its settings, and log what is set up only in part. Raises SealBroken and
    StoreError.

    The operator named their addresses, so they may be private.
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
