"""Links that set a new password: for who forgot it, and shows that the mail of their address reaches them.

Promises: a link counts once, for an hour, and only while the account has the address that it was asked for; a new
password, however it came, ends every other link of the account. Invariant: the row is the link; nothing of the token
is stored (billing/topups/link_tokens.py). Writes password_resets.
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
# Of one account at a time. One more is not made: each of those that exist does the same.
OPEN_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """One link. email: the account's address when it was asked for. Times in microseconds."""

    id: str
    account_id: str
    email: str
    created_at: int
    expires_at: int


async def begin(tx: Transaction, account: Account, *, now_us: int) -> PasswordReset | None:
    """A new link; null where the account has OPEN_MAX that count, or no address to sign in with.

    The caller holds the account's lock.
    """
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
    """Raises NotFound, the same for one that was never made, was used, is over, or is of an address that the
    account no longer has.
    """
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
    """Ends every link of the account; returns how many counted or had counted."""
    return await tx.execute(
        "DELETE FROM password_resets WHERE account_id = :account_id", account_id=account_id
    )


async def change_password(
    tx: Transaction, account_id: str, password_hash: str, *, now_us: int, kept_session_id: str = ""
) -> int:
    """Keeps argon2's text and ends the account's links and its sessions, but one; returns how many sessions.

    The caller holds the account's lock, as whoever begins a session does. Raises NotFound.
    """
    await set_password_hash(tx, account_id, password_hash)
    await end_all(tx, account_id)
    return await session.end_others(tx, account_id, kept_session_id, now_us=now_us)


_ROWS = RowMapping(PasswordReset)
