"""Verify an account's email address with a link that works once, for an hour."""

from dataclasses import dataclass
from typing import Final

from kernel.clock import HOUR_US
from kernel.errors import NotFound
from kernel.ids import new_id
from keys.account import Account, get_account
from keys.account_access import verify_email
from store.database import Transaction
from store.row_mapping import RowMapping

LIFE_US: Final = HOUR_US
OPEN_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class EmailVerification:
    id: str
    account_id: str
    email: str
    created_at: int
    expires_at: int


async def begin(tx: Transaction, account: Account, *, now_us: int) -> EmailVerification | None:
    """Make a link. Return None if there is nothing to verify, or if OPEN_MAX links are still valid."""
    if account.email is None or account.email_verified_at is not None:
        return None
    await tx.execute(
        "DELETE FROM email_verifications WHERE account_id = :account_id AND expires_at <= :now_us",
        account_id=account.id,
        now_us=now_us,
    )
    row = await tx.fetch_one(
        "SELECT COUNT(*) AS number FROM email_verifications WHERE account_id = :account_id",
        account_id=account.id,
    )
    if row is not None and int(row["number"]) >= OPEN_MAX:
        return None
    made = EmailVerification(new_id("evf"), account.id, account.email, now_us, now_us + LIFE_US)
    await tx.insert("email_verifications", _ROWS.columns, [_ROWS.write(made)])
    return made


async def find(tx: Transaction, verification_id: str, *, now_us: int) -> EmailVerification:
    """Return the link. If it no longer works, raise NotFound without saying why."""
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM email_verifications WHERE id = :id AND expires_at > :now_us",
        id=verification_id,
        now_us=now_us,
    )
    if row is None:
        raise NotFound("Link")
    found = _ROWS.read(row)
    account = await get_account(tx, found.account_id)
    if account.email != found.email:
        raise NotFound("Link")
    return found


async def use(tx: Transaction, verification_id: str, *, now_us: int) -> EmailVerification:
    """Verify the account's address, and invalidate all its links. The caller holds the account's lock."""
    found = await find(tx, verification_id, now_us=now_us)
    await verify_email(tx, found.account_id, now_us=now_us)
    await tx.execute(
        "DELETE FROM email_verifications WHERE account_id = :account_id",
        account_id=found.account_id,
    )
    return found


_ROWS = RowMapping(EmailVerification)
