"""Open the configured database for one command."""

from cli.output import note
from keys import account as keys_account
from keys.account import Account
from runtime.installation import open_store
from runtime.settings import load_settings
from store.database import Database, T, Work
from store.errors import StoreError


async def read(work: Work[T]) -> T:
    async with open_store(load_settings()) as database:
        return await database.read(work)


async def write(work: Work[T]) -> T:
    async with open_store(load_settings()) as database:
        return await database.transaction(work)


def account_named(account: str) -> Work[Account]:
    """Find an account by ID or email address. Raise NotFound if there is none."""
    return lambda tx: keys_account.account_named(tx, account)


async def save_if_writable(database: Database, work: Work[None]) -> None:
    """Store a result, unless the database is read-only, such as a standby."""
    try:
        await database.transaction(work)
    except StoreError as error:
        note(f"the result was not stored, so /metrics and `topup doctor` don't show it: {error}")
