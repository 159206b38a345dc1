"""Make and use links to set a new password. A link is valid once, for an hour, and is sent to the account's
email address.
"""

from dataclasses import dataclass
from typing import Final

from kernel.clock import HOUR_US
from kernel.errors import NotFound
from kernel.ids import new_id
from keys import session
from keys.account import Account, get_account, set_password_hash
from store.database import Transaction
from store.row_mapping import RowMapping

LIFE_US: Final = HOUR_US
OPEN_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class PasswordReset:
    id: str
    account_id: str
    email: str
    created_at: int
    expires_at: int


async def begin(tx: Transaction, account: Account, *, now_us: int) -> PasswordReset | None:
    """Make a link. Return None if the account has no address, or if OPEN_MAX links are still valid."""
    if account.email is None:
        return None
    await tx.execute(
        "DELETE FROM password_resets WHERE account_id = :account_id AND expires_at <= :now_us",
        account_id=account.id,
        now_us=now_us,
    )
    row = await tx.fetch_one(
        "SELECT COUNT(*) AS number FROM password_resets WHERE account_id = :account_id",
        account_id=account.id,
    )
    if row is not None and int(row["number"]) >= OPEN_MAX:
        return None
    made = PasswordReset(new_id("pwr"), account.id, account.email, now_us, now_us + LIFE_US)
    await tx.insert("password_resets", _ROWS.columns, [_ROWS.write(made)])
    return made


async def find(tx: Transaction, reset_id: str, *, now_us: int) -> tuple[PasswordReset, Account]:
    """Return the link. If it no longer works, raise NotFound without saying why."""
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM password_resets WHERE id = :id AND expires_at > :now_us",
        id=reset_id,
        now_us=now_us,
    )
    if row is None:
        raise NotFound("Link")
    found = _ROWS.read(row)
    account = await get_account(tx, found.account_id)
    if account.email != found.email:
        raise NotFound("Link")
    return found, account


async def end_all(tx: Transaction, account_id: str) -> int:
    return await tx.execute(
        "DELETE FROM password_resets WHERE account_id = :account_id", account_id=account_id
    )


async def change_password(
    tx: Transaction, account_id: str, password_hash: str, *, now_us: int, kept_session_id: str = ""
) -> int:
    """Store the hash. Invalidate the account's links, and end all sessions but one. Return how many sessions
    ended.
    """
    await set_password_hash(tx, account_id, password_hash)
    await end_all(tx, account_id)
    return await session.end_others(tx, account_id, kept_session_id, now_us=now_us)


_ROWS = RowMapping(PasswordReset)
