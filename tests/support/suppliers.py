"""Suppliers of a test: its own kinds as rows of a real database, one platform for each."""

from collections.abc import Mapping, Sequence

from billing.fulfilment.protocol import Registration
from billing.fulfilment.suppliers import Suppliers
from billing.topups.platform_rows import (
    PlatformRow,
    SupplierRow,
    put_platform,
    put_supplier,
    set_suppliers,
)
from keys.vault import Vault
from store.database import Transaction
from tests.support.funded_account import FundedAccount
from tests.support.plain_http import http_client

VAULT = Vault([b"s" * 32])


async def open_suppliers(
    account: FundedAccount,
    registrations: Mapping[str, Registration],
    platforms: Mapping[str, Sequence[str]] | None = None,
) -> Suppliers:
    """A supplier of each kind, called as it; platforms: who supplies each, else each its namesake."""
    supplied = {name: [name] for name in registrations} if platforms is None else platforms
    now_us = account.clock.now_us()

    async def enter(tx: Transaction) -> None:
        for kind in registrations:
            row = SupplierRow(
                environment="staging", id=kind, kind=kind, created_at=now_us, changed_at=now_us
            )
            await put_supplier(tx, row, is_new=True)
        for platform, suppliers in supplied.items():
            named = PlatformRow(
                environment="staging", id=platform, name=platform, created_at=now_us
            )
            await put_platform(tx, named, is_new=True)
            await set_suppliers(tx, "staging", platform, suppliers)

    await account.database.transaction(enter)
    suppliers = Suppliers(
        account.database, VAULT, registrations, client=http_client(), clock=account.clock
    )
    await suppliers.refresh()
    return suppliers
