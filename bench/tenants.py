"""Many accounts at once, each with a funded live wallet and a capped key, written directly."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from billing.credits.opening import open_account
from billing.ledger.ledger import Code, Kind, Ledger
from kernel.clock import SystemClock
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.api_keys import api_key
from keys.api_keys.fields import NewKey
from keys.principal import ACCOUNT_SCOPES
from keys.vault import Vault, parse_master_keys
from store.database import Database, Transaction
from store.open import open_database
from tests.support.installation import MASTER_KEY
from webhooks.endpoints import endpoint
from webhooks.endpoints.fields import NewEndpoint

ENVIRONMENT = "live"
FUNDS_CENTS = 100_000_000_000
CAP_CENTS = 50_000_000_000
PER_TRANSACTION = 50


@dataclass(frozen=True, slots=True)
class Merchant:
    """An account in live: its key's secret, and its endpoint where it has one."""

    account_id: str
    key: str
    endpoint_id: str = ""

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, ENVIRONMENT)


async def open_tenants(
    database_url: str, count: int, *, hook_urls: Sequence[str] = ()
) -> list[Merchant]:
    """So many accounts; with hook_urls the first one's webhooks go to the first, and round again.

    Each key has a cap for one call, a day and a month, which a send has to count.
    """
    vault = Vault(parse_master_keys(MASTER_KEY))
    tenants: list[Merchant] = []
    async with opened(database_url) as database:
        for numbers in _batched(range(count), PER_TRANSACTION):

            async def work(tx: Transaction, numbers: Sequence[int] = numbers) -> list[Merchant]:
                return [
                    await _open(tx, vault, hook_urls[n % len(hook_urls)] if hook_urls else "")
                    for n in numbers
                ]

            tenants += await database.transaction(work)
    return tenants


@contextlib.asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[Database]:
    """The installation's database, beside its processes."""
    database = open_database(database_url)
    try:
        yield database
    finally:
        await database.close()


async def _open(tx: Transaction, vault: Vault, hook_url: str) -> Merchant:
    now_us = SystemClock().now_us()
    account_id = await open_account(tx, name="Merchant", email=None, now_us=now_us)
    tenant = Tenant(account_id, ENVIRONMENT)
    await lock_tenants(tx, [tenant])
    ledger = Ledger()
    await ledger.load(tx, [tenant], [(*tenant, Kind.MANUAL, "")])
    ledger.post(
        debit=ledger.account(tenant, Kind.MANUAL),
        credit=ledger.account(tenant, Kind.WALLET),
        amount_micros=FUNDS_CENTS * 10_000,
        code=Code.MANUAL,
        now_us=now_us,
    )
    await ledger.flush(tx, now_us)
    caps = NewKey(
        name="Bench",
        scopes=ACCOUNT_SCOPES,
        per_call_cents=CAP_CENTS,
        per_day_cents=CAP_CENTS,
        per_month_cents=CAP_CENTS,
    )
    _, secret = await api_key.mint(
        tx, account_id=account_id, environment="live", parent=None, new=caps, now_us=now_us
    )
    if not hook_url:
        return Merchant(account_id, secret)
    made, _ = await endpoint.register(
        tx,
        vault,
        tenant=tenant,
        new=NewEndpoint(url=hook_url, events=("topup.delivered",)),
        is_sandbox=False,
        now_us=now_us,
    )
    return Merchant(account_id, secret, made.id)


def _batched(numbers: range, size: int) -> list[range]:
    return [numbers[at : at + size] for at in range(0, len(numbers), size)]
