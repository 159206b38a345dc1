"""Links by which an account's owner shows that the mail of its address reaches them.

Promises: a link counts once, for an hour, and only while the account has the address that it was written to; one that
was used ends every other of the account. Invariant: the row is the link; nothing of the token is stored
(billing/topups/link_tokens.py). Writes email_verifications.
"""

from dataclasses import dataclass
from typing import Final

from kernel.clock import HOUR_US
from kernel.errors import NotFound
from kernel.ids import new_id
from keys.account import Account, get_account
from keys.live import verify_email
from store.database import Transaction
from store.row_mapping import RowMapping

LIFE_US: Final = HOUR_US
# Of one account at a time. One more is not made: each of those that exist does the same.
OPEN_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class EmailVerification:
    """One link. email: the account's address when it was written. Times in microseconds."""

    id: str
    account_id: str
    email: str
    created_at: int
    expires_at: int


async def begin(tx: Transaction, account: Account, *, now_us: int) -> EmailVerification | None:
    """A new link; null where there is nothing to verify, or OPEN_MAX of the account count.

    The caller holds the account's lock.
    """
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
    """Raises NotFound, the same for one that was never made, was used, is over, or is of an address that the
    account no longer has.
    """
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
    """The account's address counts as verified, and its links count no more. Raises NotFound.

    The caller holds the account's lock.
    """
    found = await find(tx, verification_id, now_us=now_us)
    await verify_email(tx, found.account_id, now_us=now_us)
    await tx.execute(
        "DELETE FROM email_verifications WHERE account_id = :account_id",
        account_id=found.account_id,
    )
    return found


_ROWS = RowMapping(EmailVerification)
