"""Check whether an account is suspended, and whether its live environment is open.

As soon as a suspension is committed, nothing more is spent. Other changes stop within half a second. Reads,
sign-in and due webhooks continue.
"""

from typing import Final

from kernel.clock import rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.tenant import Tenant
from keys.account import Account, get_account, lock_tenants
from keys.principal import ENVIRONMENTS
from store.database import Transaction

REASON_CHARACTERS_MAX: Final = 200
SUSPENDED_FOR: Final = "a.suspended_for"
IS_LIVE_OPEN: Final = "(a.live_opened_at IS NOT NULL AND a.live_closed_at IS NULL) AS is_live_open"


class AccountSuspended(DomainError):
    """An operator has suspended the account. The account may only read."""


def suspended(reason: str | None = None) -> AccountSuspended:
    why = f": {reason}" if reason else ""
    return AccountSuspended(
        f"This account is suspended{why}. It can read, but not spend or create "
        "anything. The operator of this gateway can resume it.",
        reason="account_suspended",
    )


async def suspend(tx: Transaction, account_id: str, reason: str, *, now_us: int) -> Account:
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
            "An operator's account can't be suspended. Remove its operator role first.",
            param="account_id",
        )
    since = account.suspended_at or now_us
    await _write(tx, account_id, since, why)
    return account


async def resume(tx: Transaction, account_id: str) -> Account:
    await _lock(tx, account_id)
    account = await get_account(tx, account_id)
    await _write(tx, account_id, None, None)
    return account


def shown_suspension(account: Account) -> dict[str, str | None]:
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


class LiveNotOpen(DomainError):
    """The account's live environment isn't open."""


async def open_live(tx: Transaction, account_id: str, *, now_us: int) -> None:
    """Open live, so that the account can have live credentials. Raise InvalidInput for a sandbox account."""
    account = await get_account(tx, account_id)
    if account.is_sandbox:
        raise InvalidInput("A sandbox account has no live environment.", param="account_id")
    await tx.execute(
        """UPDATE accounts SET live_opened_at = COALESCE(live_opened_at, :now_us),
               live_closed_at = NULL WHERE id = :id""",
        now_us=now_us,
        id=account_id,
    )


async def close_live(tx: Transaction, account_id: str, *, now_us: int) -> None:
    await get_account(tx, account_id)
    await tx.execute(
        """UPDATE accounts SET live_closed_at = COALESCE(live_closed_at, :now_us)
           WHERE id = :id""",
        now_us=now_us,
        id=account_id,
    )


async def verify_email(tx: Transaction, account_id: str, *, now_us: int) -> None:
    """Record that the account's email address is verified. Raise InvalidInput if the account has no address."""
    account = await get_account(tx, account_id)
    if account.email is None:
        raise InvalidInput("The account has no email address.", param="account_id")
    await tx.execute(
        """UPDATE accounts SET email_verified_at = COALESCE(email_verified_at, :now_us)
           WHERE id = :id""",
        now_us=now_us,
        id=account_id,
    )


async def enter_live(tx: Transaction, account_id: str, *, is_self_serve: bool, now_us: int) -> bool:
    """Open live for the account, and return True. If live is already open, return False.

    Raise LiveNotOpen if the account may not open it.
    """
    account = await get_account(tx, account_id)
    if account.is_live_open:
        return False
    is_verified = account.email is not None and account.email_verified_at is not None
    if not (is_self_serve and is_verified) or account.is_sandbox or account.live_closed_at:
        raise _not_open()
    await open_live(tx, account_id, now_us=now_us)
    return True


async def check_live(tx: Transaction, tenant: Tenant) -> None:
    if tenant.environment == "live" and not (await get_account(tx, tenant.account_id)).is_live_open:
        raise _not_open()


def _not_open() -> LiveNotOpen:
    return LiveNotOpen(
        "Live isn't open for this account yet. The operator of this gateway opens it "
        "with `topup accounts open-live` or on the account's page.",
        reason="live_not_open",
    )
