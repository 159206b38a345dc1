"""Suspend an account: an operator stops all that it spends and makes, until it is resumed.

From the commit on nothing of the account is sent, held, charged or ordered, because every spend reads it
under the account's lock. Every other change is refused within half a second. Reading, exports, signing in and
due webhooks continue, and incoming credit still arrives. Writes accounts (suspended_at, suspended_for) and
account_environments (suspended_at).
"""

from typing import Final

from kernel.clock import rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.tenant import Tenant
from keys.account import Account, get_account, lock_tenants
from keys.principal import ENVIRONMENTS
from store.database import Transaction

REASON_CHARACTERS_MAX: Final = 200
# For queries that load a principal beside the account a: why it is suspended, or null.
SUSPENDED_FOR: Final = "a.suspended_for"


class AccountSuspended(DomainError):
    """An operator suspended the account: it reads, and spends and makes nothing."""


def suspended(reason: str | None = None) -> AccountSuspended:
    why = f": {reason}" if reason else ""
    return AccountSuspended(
        f"This account is suspended{why}. It can read, but not spend or create "
        "anything. The operator of this gateway can resume it.",
        reason="account_suspended",
    )


async def suspend(tx: Transaction, account_id: str, reason: str, *, now_us: int) -> Account:
    """Suspend the account, or update the reason; return it as it was before.

    Raises NotFound, and InvalidInput for an operator's account or a reason that is empty or too long.
    """
    why = " ".join(reason.split())
    if not why.isprintable() or not 1 <= len(why) <= REASON_CHARACTERS_MAX:
        raise InvalidInput(
            f"Give a reason of 1 to {REASON_CHARACTERS_MAX} characters. The owner reads it.",
            param="reason",
        )
    await _lock(tx, account_id)
    account = await get_account(tx, account_id)
    if account.is_operator:
        raise InvalidInput(
            "An operator's account can't be suspended. Remove the role first.", param="account_id"
        )
    since = account.suspended_at or now_us
    await _write(tx, account_id, since, why)
    return account


async def resume(tx: Transaction, account_id: str) -> Account:
    """Resume the account; return it as it was before. Raises NotFound."""
    await _lock(tx, account_id)
    account = await get_account(tx, account_id)
    await _write(tx, account_id, None, None)
    return account


def shown(account: Account) -> dict[str, str | None]:
    since = account.suspended_at
    return {
        "suspended_at": None if since is None else rfc3339(since),
        "reason": account.suspended_for,
    }


async def _lock(tx: Transaction, account_id: str) -> None:
    await lock_tenants(tx, [Tenant(account_id, one) for one in ENVIRONMENTS])


async def _write(tx: Transaction, account_id: str, since: int | None, why: str | None) -> None:
    await tx.execute(
        "UPDATE accounts SET suspended_at = :since, suspended_for = :why WHERE id = :id",
        since=since,
        why=why,
        id=account_id,
    )
    await tx.execute(
        "UPDATE account_environments SET suspended_at = :since WHERE account_id = :id",
        since=since,
        id=account_id,
    )
