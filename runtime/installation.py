"""Open individual parts of an installation for a command. runtime/context.py opens all parts."""

import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from billing.fulfilment.opening import FirstPlatform
from billing.topups.mail import MailRules
from billing.topups.rules import VOUCHER_KEY
from keys.vault import MasterKeyRefused, SealBroken, Vault, parse_master_keys
from runtime.embedded_redis import prepare_home
from runtime.settings import Settings, SettingsError
from store.database import OnHint, Store, Transaction, no_hint
from store.errors import Fault
from store.kept.commits import FOLDER as COMMITS_FOLDER, AcknowledgedCommits
from store.open import file_of, open_database
from store.servers import PoolOptions
from store.version import SchemaOutOfRange, changed_tables, check_schema, schema_version

FILE_NAME = "master_key"
_KEY_BYTES = 32


_log = logging.getLogger(__name__)


def made_master_key(data_dir: Path) -> str:
    """Return the data directory's own master key, which only its owner can read. The first call creates it."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = data_dir / f".{FILE_NAME}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, data_dir / FILE_NAME)
    finally:
        draft.unlink()
    return read_master_key(data_dir)


def read_master_key(data_dir: Path) -> str:
    try:
        return (data_dir / FILE_NAME).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


@contextlib.asynccontextmanager
async def open_store(
    settings: Settings, *, on_hint: OnHint = no_hint, is_recorded: bool = False
) -> AsyncIterator[Store]:
    """Open only the database, and check its schema. A missing SQLite file isn't created.

    If `is_recorded` is true, store which commits this process acknowledged. Later processes can then notice if a
    database lacks them.
    """
    if is_database_missing(settings):
        raise SchemaOutOfRange(
            Fault.FILE_MISSING,
            f"there is no database at {file_of(settings.database_address)}: check TOPUP_DATA_DIR and"
            " TOPUP_DATABASE_URL; `topup dev` and `topup migrate` make one",
        )
    database = open_database(
        settings.database_address,
        on_hint=on_hint,
        options=pool_options(settings),
        kept=kept_commits(settings, is_recorded=is_recorded),
    )
    try:
        await check_schema(database)
        yield database
    finally:
        await database.close()


def kept_commits(settings: Settings, *, is_recorded: bool = False) -> AcknowledgedCommits:
    """Return the newest commits that this installation acknowledged.

    Only a database server needs them, because it can lose commits in a failover.
    """
    if file_of(settings.database_address) is not None:
        return AcknowledgedCommits()
    folder = settings.data_dir / COMMITS_FOLDER
    return AcknowledgedCommits.open(folder) if is_recorded else AcknowledgedCommits.read(folder)


def pool_options(settings: Settings) -> PoolOptions:
    return PoolOptions(
        connections_max=settings.database_connections,
        statement_cache=settings.database_statement_cache,
        connect_timeout_s=settings.database_connect_timeout_s,
        pool_timeout_s=settings.database_pool_timeout_s,
        statement_timeout_s=settings.database_statement_timeout_s,
        lock_timeout_s=settings.database_lock_timeout_s,
        direct_url=settings.database_direct_url.get_secret_value(),
    )


async def warn_of_changes(database: Store) -> None:
    """Log tables that differ from the schema's version. An operator may have added an index, for example."""
    version = await schema_version(database)
    if version is not None and (changed := await changed_tables(database, version)):
        _log.warning("database.schema_differs", extra={"version": version, "tables": changed})


def is_database_missing(settings: Settings) -> bool:
    file = file_of(settings.database_address)
    return file is not None and not file.exists()


async def opens_what_is_sealed(settings: Settings, vault: Vault | None) -> bool | None:
    """Return whether the vault can decrypt the database's secrets, or None if none are encrypted yet.

    Return False if there is no vault, or if the vault lacks a master key that is needed. Nothing is written.
    """

    async def work(tx: Transaction) -> bool | None:
        if not await tx.fetch_one("SELECT 1 FROM sealed_keys WHERE name = :name", name=VOUCHER_KEY):
            return None
        if vault is None:
            return False
        try:
            await vault.data_key(tx, VOUCHER_KEY, now_us=0)
        except SealBroken:
            return False
        return not await vault.lacks_a_master_key(tx)

    if is_database_missing(settings):
        return None
    database = open_database(settings.database_address)
    try:
        return None if await schema_version(database) is None else await database.read(work)
    finally:
        await database.close()


def redis_url(settings: Settings) -> str:
    return settings.redis_url.get_secret_value() or prepare_home(settings.data_dir).url


def open_vault(secret_key: str, *, source: str = "TOPUP_SECRET_KEY") -> Vault:
    """Return the vault for a master key. If the key isn't valid, raise SettingsError, which names `source`."""
    if not secret_key:
        raise SettingsError(
            "TOPUP_SECRET_KEY is empty: it seals webhook secrets, and `topup dev` alone makes one."
            " Set it to the output of `openssl rand -hex 32` and keep it apart from the database"
        )
    try:
        return Vault(parse_master_keys(secret_key))
    except MasterKeyRefused as error:
        raise SettingsError(f"{source}: {error}") from None


def first_platforms(settings: Settings) -> list[FirstPlatform]:
    return [setting.platform() for setting in settings.platforms]


def known_secret_key(settings: Settings) -> str:
    return settings.secret_key.get_secret_value() or read_master_key(settings.data_dir)


def mail_rules(settings: Settings) -> MailRules:
    sent_in = {"live", "staging"} if settings.mail_staging else {"live"}
    return MailRules(
        frozenset(sent_in) if settings.smtp_server is not None else frozenset(),
        account_max=settings.mail_account_per_day,
        recipient_max=settings.mail_recipient_per_day,
    )
