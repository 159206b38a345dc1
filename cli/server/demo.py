"""Create the demo account at the first start of `topup dev`, and write its credentials to dev.json.

Credentials that no longer work are replaced.
"""

import contextlib
import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from billing.credits.opening import open_account
from kernel.clock import Clock
from kernel.errors import NotFound
from kernel.ids import AccountId
from kernel.tenant import Tenant
from keys import token_format
from keys.account import find_by_email, get_account, lock_tenants, set_operator, set_password_hash
from keys.api_keys import api_key, lookup as key_principal
from keys.principal import ACCOUNT_SCOPES, Environment, Refusal
from keys.sign_in.password import hash_password
from keys.tokens import access_token
from store.database import Database, Transaction

FILE_NAME = "dev.json"
NAME = "Demo"
EMAIL = "demo@example.com"


@dataclass(frozen=True, slots=True)
class Demo:
    """The contents of dev.json. The admin token is for staging."""

    url: str
    account_id: str = ""
    email: str = EMAIL
    password: str = ""
    staging_key: str = ""
    live_key: str = ""
    admin_token: str = ""


async def ensure_demo(database: Database, clock: Clock, data_dir: Path, *, url: str) -> Demo:
    before = read_demo(data_dir)
    password = before.password if before and before.password else secrets.token_urlsafe(12)
    password_hash = hash_password(password)

    async def work(tx: Transaction) -> Demo:
        known = replace(before, url=url) if before else Demo(url)
        account_id = await _account(tx, known, now_us=clock.now_us())
        if account_id != known.account_id or known.password != password:
            await set_password_hash(tx, account_id, password_hash)
        await lock_tenants(tx, [Tenant(account_id, "staging"), Tenant(account_id, "live")])
        return replace(
            known,
            account_id=account_id,
            password=password,
            staging_key=await _key(tx, account_id, "staging", known.staging_key, clock.now_us()),
            live_key=await _key(tx, account_id, "live", known.live_key, clock.now_us()),
            admin_token=await _admin_token(tx, account_id, known.admin_token, clock.now_us()),
        )

    demo = await database.transaction(work)
    if demo != before:
        write_demo(data_dir, demo)
    return demo


def read_demo(data_dir: Path) -> Demo | None:
    """Return the contents of dev.json, or None if it is missing or invalid."""
    try:
        return Demo(**json.loads((data_dir / FILE_NAME).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write_demo(data_dir: Path, demo: Demo) -> None:
    draft = data_dir / f".{FILE_NAME}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(asdict(demo), indent=2) + "\n")
    draft.replace(data_dir / FILE_NAME)


async def _account(tx: Transaction, known: Demo, *, now_us: int) -> AccountId:
    if known.account_id:
        with contextlib.suppress(NotFound):
            return (await get_account(tx, known.account_id)).id
    found = await find_by_email(tx, known.email)
    if found is not None:
        return found.id
    return await open_account(tx, name=NAME, email=known.email, now_us=now_us)


async def _key(
    tx: Transaction, account_id: AccountId, environment: Environment, known: str, now_us: int
) -> str:
    if known:
        digest = token_format.digest(known)
        found = (await key_principal.load_principals(tx, [digest], now_us=now_us)).get(digest)
        if found is not None and not isinstance(found, Refusal) and found.account_id == account_id:
            return known
    _, secret = await api_key.mint(
        tx,
        account_id=account_id,
        environment=environment,
        parent=None,
        new=api_key.NewKey(name=f"{NAME} {environment}", scopes=ACCOUNT_SCOPES),
        now_us=now_us,
    )
    return secret


async def _admin_token(tx: Transaction, account_id: AccountId, known: str, now_us: int) -> str:
    await set_operator(tx, account_id, is_operator=True)
    if known:
        digest = token_format.digest(known)
        found = (await access_token.load_principals(tx, [digest], now_us=now_us)).get(digest)
        if found is not None and not isinstance(found, Refusal) and found.account_id == account_id:
            return known
    _, secret = await access_token.create(
        tx,
        kind="operator",
        account_id=account_id,
        environment="staging",
        name=f"{NAME} admin",
        maker=None,
        now_us=now_us,
    )
    return secret
