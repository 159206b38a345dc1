"""Read an account's balance, its key's spending windows, and its recipients' wallets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.ledger.ledger import Ledger
from billing.ledger.money import CURRENCY, micros_to_cents
from kernel.clock import rfc3339
from kernel.tenant import Tenant
from keys import caps, sandbox_clock
from keys.account import NOTHING, read_tenants
from keys.api_keys.lookup import load_key_states
from keys.principal import Principal
from store.database import Row, Transaction
from store.keyset import Begin, Keyset, ListStretch


async def balance(
    tx: Transaction, principal: Principal, *, now_us: int, is_promo_sendable: bool
) -> dict[str, Any]:
    held = await balance_of(
        tx, principal.tenant, now_us=now_us, is_promo_sendable=is_promo_sendable
    )
    return {**held, "key": await _key_windows(tx, principal, now_us)}


async def balance_micros(tx: Transaction, tenant: Tenant, *, now_us: int) -> int:
    ledger = Ledger()
    await ledger.load(tx, [tenant], [])
    ledger.clocks_ahead_us = (await read_tenants(tx, [tenant])).clocks_ahead_us
    return ledger.balance_micros(tenant, now_us)


async def balance_of(
    tx: Transaction, tenant: Tenant, *, now_us: int, is_promo_sendable: bool
) -> dict[str, Any]:
    """Return the tenant's credit in cents. Credit is rounded down, and debt is rounded up."""
    ledger = Ledger()
    await ledger.load(tx, [tenant], [])
    standings = await read_tenants(tx, [tenant])
    ledger.clocks_ahead_us = standings.clocks_ahead_us
    total = ledger.balance_micros(tenant, now_us)
    promotional = ledger.promotional_micros(tenant, now_us)
    is_all_sendable = is_promo_sendable or tenant.environment == "staging"
    watch = standings.watches.get(tenant, NOTHING)
    thresholds = [micros_to_cents(one) for one in watch.thresholds]
    return {
        "balance_cents": micros_to_cents(total),
        "sendable_cents": micros_to_cents(total if is_all_sendable else total - promotional),
        "promotional_cents": micros_to_cents(promotional),
        "held_cents": micros_to_cents(ledger.held(tenant).balance_micros),
        "owed_cents": -micros_to_cents(-ledger.owed(tenant).balance_micros),
        "currency": CURRENCY,
        "environment": tenant.environment,
        "low_balance_threshold_cents": max(thresholds, default=0),
        "low_balance_thresholds_cents": thresholds,
    }


async def _key_windows(
    tx: Transaction, principal: Principal, now_us: int
) -> Mapping[str, Any] | None:
    if principal.key_id is None:
        return None
    now_us = await sandbox_clock.now_of(tx, principal.tenant, now_us=now_us)
    states = await load_key_states(tx, principal.lineage)
    lineage = [states[key_id] for key_id in principal.lineage if key_id in states]
    windows = {(key_id, p, s) for key_id in principal.lineage for p, s in caps.windows_of(now_us)}
    spent = await caps.load_windows(tx, windows)
    return {
        "id": principal.key_id,
        "per_call_cents": caps.tightest_per_call_cents(lineage),
        "windows": [
            {
                "period": view.period,
                "cap_cents": view.cap_cents,
                "spent_cents": view.spent_cents,
                "remaining_cents": view.remaining_cents,
                "resets_at": rfc3339(view.resets_at),
            }
            for view in caps.tightest_windows(lineage, spent, now_us)
        ],
    }


@dataclass(frozen=True, slots=True)
class RecipientWallet:
    id: str
    platform: str
    recipient_email: str
    balance_cents: int
    updated_at: int


async def recipients(
    tx: Transaction,
    tenant: Tenant,
    *,
    recipient_email: str | None = None,
    platform: str | None = None,
    before_id: Begin = None,
    limit: int,
) -> ListStretch[RecipientWallet]:
    values: dict[str, Any] = {}
    if platform is not None and recipient_email is not None:
        values["name"] = f"{platform}/{recipient_email}"
    elif platform is not None:
        values.update(start=f"{platform}/", length=len(platform) + 1)
    elif recipient_email is not None:
        values.update(ending=f"/{recipient_email}", length=len(recipient_email))
    return await _RECIPIENTS.stretch(
        tx, _recipient, tenant, before_id=before_id, limit=limit, **values
    )


_RECIPIENTS = Keyset(
    "id, name, balance_micros, updated_at",
    "ledger_accounts",
    "account_id = :account_id AND environment = :environment AND kind = 'recipient'",
    filters={
        "name": "name = :name",
        "start": "substr(name, 1, :length) = :start",
        "ending": "substr(name, length(name) - :length) = :ending",
    },
    indexed=("name",),
)


def _recipient(row: Row) -> RecipientWallet:
    platform, _, address = row["name"].partition("/")
    return RecipientWallet(
        row["id"], platform, address, micros_to_cents(row["balance_micros"]), row["updated_at"]
    )
