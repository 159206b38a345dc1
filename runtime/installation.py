"""What an installation consists of, for a process that needs one part: database, master key, Redis.

Gateway and worker open all of them together (runtime/context.py); a command opens what it uses.
"""

import contextlib
from collections.abc import AsyncIterator

from keys.vault import MasterKeyRefused, Vault, parse_master_keys
from runtime.embedded_redis import prepare_home
from runtime.master_key import read_master_key
from runtime.settings import Settings, SettingsError
from store.db import Database, OnHint, no_hint
from store.open import open_database
from store.version import check_schema

# The name of the data key behind voucher codes.
VOUCHER_KEY = "voucher"


@contextlib.asynccontextmanager
async def open_store(settings: Settings, *, on_hint: OnHint = no_hint) -> AsyncIterator[Database]:
    """The database alone, its schema checked. Raises StoreError and SchemaOutOfRange."""
    database = open_database(settings.database_address, on_hint=on_hint)
    try:
        await check_schema(database)
        yield database
    finally:
        await database.close()


def redis_url(settings: Settings) -> str:
    """REDIS_URL, or the socket of the data directory's embedded Redis."""
    return settings.redis_url.get_secret_value() or prepare_home(settings.data_dir).url


def open_vault(secret_key: str) -> Vault:
    """Raises SettingsError where the key is empty or refused."""
    if not secret_key:
        raise SettingsError(
            "TOPUP_SECRET_KEY is empty: it seals webhook secrets, and `topup dev` alone makes one."
            " Set it to the output of `openssl rand -hex 32` and keep it apart from the database"
        )
    try:
        return Vault(parse_master_keys(secret_key))
    except MasterKeyRefused as error:
        raise SettingsError(f"TOPUP_SECRET_KEY: {error}") from None


def known_secret_key(settings: Settings) -> str:
    """SECRET_KEY, or the key that `topup dev` made in the data directory, or an empty string."""
    return settings.secret_key.get_secret_value() or read_master_key(settings.data_dir)
