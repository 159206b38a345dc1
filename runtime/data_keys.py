"""The data keys that every process of an installation needs."""

from billing.credits.redemption_code import DATA_KEY as REDEMPTION_KEY
from billing.fulfilment.options import DATA_KEY as SUPPLIER_KEY
from billing.topups.voucher import VOUCHER_KEY
from kernel.clock import Clock
from keys.vault import SealBroken, Vault
from runtime.settings import SettingsError
from store.database import Database, Transaction


async def open_data_keys(database: Database, vault: Vault, clock: Clock) -> list[bytes]:
    """Return the keys of vouchers, redemption codes and suppliers; the first start makes them."""
    names = (VOUCHER_KEY, REDEMPTION_KEY, SUPPLIER_KEY)

    async def work(tx: Transaction) -> list[bytes]:
        return [await vault.data_key(tx, name, now_us=clock.now_us()) for name in names]

    try:
        return await database.transaction(work)
    except SealBroken:
        raise SettingsError(
            "TOPUP_SECRET_KEY does not open what this database holds sealed: give the key that it"
            " was started with, or `new,old` to rotate"
        ) from None
