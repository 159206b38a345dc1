"""Everybody's accounts, each with its wallet in one environment. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.account import Account
from store.database import Transaction
from store.keyset import NEWEST, Begin, Keyset
from store.row_mapping import RowMapping


@dataclass(frozen=True, slots=True)
class AccountWithWallet(Account):
    """wallet_micros: the purchased credit that it has."""

    wallet_micros: int


async def list_with_wallets(
    tx: Transaction, environment: str, *, matching: str = "", before_id: Begin = None, limit: int
) -> Sequence[AccountWithWallet]:
    """Newest first, older than before_id, or from a place in one of SORTS; at most `limit`.

    matching: only those with this id, or with this text in their name or address, in either case.
    """
    rows = await _PAGES.page(
        tx,
        before_id=before_id or NEWEST,
        limit=limit,
        environment=environment,
        matching=matching or None,
        lowered=matching.lower(),
    )
    return [_ROWS.read(row) for row in rows]


_WALLET: Final = """COALESCE((
    SELECT l.balance_micros FROM ledger_accounts l
    WHERE l.account_id = a.id AND l.environment = :environment AND l.kind = 'wallet' AND l.name = ''
), 0)"""
_ROWS: Final = RowMapping(AccountWithWallet)
# LIKE would take the underscore of an id or an address for a wildcard.
_PAGES: Final = Keyset(
    f"{RowMapping(Account).of('a')}, {_WALLET} AS wallet_micros",
    "accounts a",
    filters={
        "matching": """(a.id = :matching OR REPLACE(LOWER(a.name), :lowered, '') <> LOWER(a.name)
            OR REPLACE(LOWER(a.email), :lowered, '') <> LOWER(a.email))"""
    },
    key="a.id",
    sorts={"name": "LOWER(a.name)", "wallet": _WALLET, "active": "a.last_active_at"},
)
SORTS: Final = _PAGES.sorts
