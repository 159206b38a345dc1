"""Read what an account has in one environment, without secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from billing.ledger import balances as wallet
from billing.ledger.balances import RecipientWallet
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import Subscription
from billing.topups import queries as topup_list
from billing.topups.queries import TopUpFilter
from billing.topups.topup import TopUp
from kernel.tenant import Tenant
from keys import sandbox_clock
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.member import Member, list_members
from keys.vault import Vault
from store.database import Transaction
from store.keyset import Begin
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.endpoint import Endpoint

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class SeenEndpoint:
    """url: without its query, which may hold a receiver's secret."""

    id: str
    account_id: str
    url: str
    description: str
    status: str
    disabled_reason: str | None
    disabled_at: int | None
    failing_since_at: int | None
    created_at: int

    @staticmethod
    def of(found: Endpoint) -> "SeenEndpoint":
        return SeenEndpoint(
            found.id,
            found.account_id,
            found.url.partition("?")[0],
            found.description,
            found.status,
            found.disabled_reason,
            found.disabled_at,
            found.failing_since_at,
            found.created_at,
        )


class AccountParts(NamedTuple):
    """The newest SHOWN of each, and all members. own_now: by the account's own clock."""

    topups: Sequence[TopUp]
    keys: Sequence[ApiKey]
    webhooks: Sequence[SeenEndpoint]
    subscriptions: Sequence[Subscription]
    wallets: Sequence[RecipientWallet]
    members: Sequence[Member]
    own_now: int


async def read_parts(tx: Transaction, vault: Vault, tenant: Tenant, *, now_us: int) -> AccountParts:
    return AccountParts(
        await topup_list.page(tx, tenant, TopUpFilter(), before_id=None, limit=SHOWN),
        await api_key.list_keys(tx, tenant, limit=SHOWN),
        await list_webhooks(tx, vault, tenant, None, SHOWN),
        await subscription_rows.page_of_all(
            tx, tenant.environment, account_id=tenant.account_id, limit=SHOWN
        ),
        await wallet.recipients(tx, tenant, limit=SHOWN),
        await list_members(tx, tenant.account_id),
        await sandbox_clock.now_of(tx, tenant, now_us=now_us),
    )


async def list_webhooks(
    tx: Transaction, vault: Vault, tenant: Tenant, before_id: Begin, limit: int
) -> Sequence[SeenEndpoint]:
    found = await endpoints.list_endpoints(tx, vault, tenant, before_id=before_id, limit=limit)
    return [SeenEndpoint.of(one) for one in found]
