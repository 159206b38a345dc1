"""List an account's top-ups, keys, webhooks and recipients' wallets, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from billing.ledger import balances as wallet
from billing.ledger.balances import RecipientWallet
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.subscription import Subscription
from billing.topups import queries as topup_list
from billing.topups.queries import TopUpFilter
from billing.topups.topup import MOVES, TopUp
from gateway.dashboard.admin.fields import admin_route, day_us
from gateway.dashboard.listing import Summed
from gateway.dashboard.sheet import Sheet, list_page
from gateway.html.forms import Form, read_query
from gateway.html.render import page
from gateway.http.fields import cursor_id, place_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import DAY_US
from kernel.fields import Fields
from kernel.tenant import Tenant
from keys import sandbox_clock
from keys.account import Account, get_account
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.member import Member, list_members
from keys.vault import Vault
from store.database import Transaction
from store.keyset import Begin
from webhooks.deliveries.endpoint_health import EndpointHealth, load_health
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.endpoint import Endpoint

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class SeenEndpoint:
    """`url` omits the query, which may contain a receiver's secret."""

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
    """`members` holds all members. The other lists hold only the newest SHOWN items. `own_now` is the time on the
    account's clock.
    """

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


_TOPUPS: Final = Sheet[TopUp](
    "topups-of-account",
    (
        *("id", "account_id", "status", "platform", "amount_cents", "fee_cents", "recipient_email"),
        *("reference", "supplier", "created_at", "settled_at", "failure_reason"),
    ),
    filters=(
        "status",
        "platform",
        "recipient_email",
        "reference",
        "created_after",
        "created_before",
    ),
    sorts=topup_list.SORTS,
    summed=Summed("amount_cents"),
)
_KEYS: Final = Sheet[ApiKey](
    "keys-of-account",
    (
        *("id", "account_id", "parent_id", "name", "purpose", "prefix", "last4", "client_id"),
        *("created_at", "last_used_at", "expires_at", "paused_at", "revoked_at"),
    ),
    sorts=api_key.SORTS,
)


_WEBHOOKS: Final = Sheet[SeenEndpoint](
    "webhooks-of-account",
    (
        *("id", "account_id", "url", "description", "status", "disabled_reason", "disabled_at"),
        *("failing_since_at", "created_at"),
    ),
    sorts=endpoints.SORTS,
)


_WALLETS: Final = Sheet[RecipientWallet](
    "recipients-of-account",
    ("id", "recipient_email", "platform", "balance_cents", "updated_at"),
    filters=("recipient_email", "platform"),
    summed=Summed("balance_cents"),
)


async def show_topups(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, asked = _tenant(call), read_query(call)
    wanted = _wanted(asked)

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[TopUp]:
        before_id = place_of(cursor, "txn", topup_list.SORTS)
        return await topup_list.page(tx, tenant, wanted, before_id=before_id, limit=limit)

    account = await _account(call)
    return await list_page(
        call, "admin/account_topups.html", _TOPUPS, read, account=account, statuses=tuple(MOVES)
    )


async def show_keys(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, now_us = _tenant(call), call.now_us

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[ApiKey]:
        before_id = place_of(cursor, "key", api_key.SORTS)
        return await api_key.list_keys(tx, tenant, before_id=before_id, limit=limit)

    account = await _account(call)
    own_now = await call.context.database.read(
        partial(sandbox_clock.now_of, tenant=tenant, now_us=now_us)
    )
    return await list_page(
        call, "admin/account_keys.html", _KEYS, read, account=account, own_now=own_now
    )


async def show_webhooks(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, vault = _tenant(call), call.context.vault

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[SeenEndpoint]:
        return await list_webhooks(
            tx, vault, tenant, place_of(cursor, "we", endpoints.SORTS), limit
        )

    account = await _account(call)
    return await list_page(call, "admin/account_webhooks.html", _WEBHOOKS, read, account=account)


async def show_wallets(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, asked = _tenant(call), read_query(call)
    of = {name: asked.text(name).lower() or None for name in ("recipient_email", "platform")}

    async def read(tx: Transaction, cursor: str | None, limit: int) -> Sequence[RecipientWallet]:
        before_id = cursor_id(cursor, "lac")
        return await wallet.recipients(tx, tenant, **of, before_id=before_id, limit=limit)

    account = await _account(call)
    return await list_page(call, "admin/account_wallets.html", _WALLETS, read, account=account)


async def show_webhook(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, vault, now_us = _tenant(call), call.context.vault, call.now_us

    async def work(tx: Transaction) -> tuple[Account, SeenEndpoint, EndpointHealth]:
        account = await get_account(tx, tenant.account_id)
        found = await endpoints.get(tx, vault, tenant, call.params["endpoint_id"])
        health = await load_health(tx, tenant, found.id, period_us=DAY_US, now_us=now_us)
        return account, SeenEndpoint.of(found), health

    account, endpoint, health = await call.context.database.read(work)
    return page(
        call, "admin/account_webhook.html", account=account, endpoint=endpoint, health=health
    )


async def _account(call: RequestContext[Any, Any]) -> Account:
    return await call.context.database.read(partial(get_account, account_id=call.params["account"]))


def _tenant(call: RequestContext[Any, Any]) -> Tenant:
    return Tenant(call.params["account"], call.principal.environment)


def _wanted(asked: Form) -> TopUpFilter:
    before = day_us(asked, "created_before")
    return TopUpFilter(
        status=asked.text("status") or None,
        platform=asked.text("platform") or None,
        recipient_email=asked.text("recipient_email").lower() or None,
        reference=asked.text("reference") or None,
        created_after=day_us(asked, "created_after"),
        created_before=None if before is None else before + DAY_US,
    )


ROUTES = (
    admin_route("GET", "/accounts/{account}/topups", show_topups, "An account's top-ups"),
    admin_route("GET", "/accounts/{account}/keys", show_keys, "An account's keys"),
    admin_route("GET", "/accounts/{account}/wallets", show_wallets, "Wallets it credited"),
    admin_route("GET", "/accounts/{account}/webhooks", show_webhooks, "An account's webhooks"),
    admin_route(
        "GET",
        "/accounts/{account}/webhooks/{endpoint_id}",
        show_webhook,
        "The health of an account's webhook",
    ),
)
