"""Create and use the link with which the operator of `topup dev` signs in without a password.

An account has one link at a time. It is valid once, for ten minutes, and never replaces a second factor.
"""

from dataclasses import dataclass
from typing import Final

from kernel.clock import MINUTE_US
from kernel.errors import NotFound
from kernel.ids import new_id
from keys import second_factor
from keys.account import Account, get_account
from store.database import Transaction
from store.row_mapping import RowMapping

LIFE_US: Final = 10 * MINUTE_US
_PREFIX: Final = "sgl"


@dataclass(frozen=True, slots=True)
class SignInLink:
    id: str
    account_id: str
    email: str
    created_at: int
    expires_at: int


async def begin(tx: Transaction, account: Account, *, now_us: int) -> SignInLink | None:
    """Make a link, and delete the earlier one. Return None if the account has a second factor or no address."""
    await tx.execute(
        "DELETE FROM password_resets WHERE account_id = :account_id AND id LIKE :ours",
        account_id=account.id,
        ours=f"{_PREFIX}%",
    )
    if account.email is None or await second_factor.is_asked(tx, account.id):
        return None
    made = SignInLink(new_id(_PREFIX), account.id, account.email, now_us, now_us + LIFE_US)
    await tx.insert("password_resets", _ROWS.columns, [_ROWS.write(made)])
    return made


async def find(tx: Transaction, link_id: str, *, now_us: int) -> Account:
    """Return the link. If it no longer works, raise NotFound without saying why."""
    row = await tx.fetch_one(
        f"SELECT {_ROWS.listed} FROM password_resets WHERE id = :id AND expires_at > :now_us",
        id=link_id,
        now_us=now_us,
    )
    if row is None:
        raise NotFound("Link")
    found = _ROWS.read(row)
    account = await get_account(tx, found.account_id)
    if account.email != found.email or await second_factor.is_asked(tx, account.id):
        raise NotFound("Link")
    return account


async def use(tx: Transaction, link_id: str, *, now_us: int) -> None:
    await find(tx, link_id, now_us=now_us)
    await tx.execute("DELETE FROM password_resets WHERE id = :id", id=link_id)


_ROWS = RowMapping(SignInLink)
