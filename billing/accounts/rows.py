"""Accounts with their wallets in one environment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.account import Account
from store.database import Transaction
from store.keyset import NEWEST, Begin, Keyset
from store.row_mapping import RowMapping


@dataclass(frozen=True, slots=True)
class AccountWithWallet(Account):
    wallet_micros: int


async def list_with_wallets(
    tx: Transaction, environment: str, *, matching: str = "", before_id: Begin = None, limit: int
) -> Sequence[AccountWithWallet]:
    """Return accounts, newest first, or from a place in one of SORTS. matching: this ID, or text in the name
    or address, in either case.
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
# LIKE would take an underscore for a wildcard.
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
