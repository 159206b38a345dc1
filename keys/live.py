"""Decide whether an account may hold live credentials: a person opens live, and may close it again.

A self-made account has only staging until an operator opens live. If the operator allows it, a verified
address is enough. While live isn't open, no live credential is made and none works. Writes accounts
(live_opened_at, live_closed_at, email_verified_at).
"""

from typing import Final

from kernel.errors import DomainError, InvalidInput
from kernel.tenant import Tenant
from keys.account import get_account
from store.database import Transaction

# For queries that load a principal beside the account a: whether its live credentials work.
IS_LIVE_OPEN: Final = "(a.live_opened_at IS NOT NULL AND a.live_closed_at IS NULL) AS is_live_open"


class LiveNotOpen(DomainError):
    """The account has staging only: live was not opened for it, or was closed."""


async def open_live(tx: Transaction, account_id: str, *, now_us: int) -> None:
    """Let the account hold live credentials; repeating it changes nothing.

    Raises NotFound, and InvalidInput for a sandbox account.
    """
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
    """Stop its live credentials from working until live is opened again; raise NotFound."""
    await get_account(tx, account_id)
    await tx.execute(
        """UPDATE accounts SET live_closed_at = COALESCE(live_closed_at, :now_us)
           WHERE id = :id""",
        now_us=now_us,
        id=account_id,
    )


async def verify_email(tx: Transaction, account_id: str, *, now_us: int) -> None:
    """Record that its address's mail is read; raise NotFound and InvalidInput."""
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
    """Raise LiveNotOpen if the account may not see live; return whether it was opened just now.

    is_self_serve: a verified address is enough to open it, unless an operator closed it.
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
    """Raise LiveNotOpen for a live credential of an account without live; staging costs nothing."""
    if tenant.environment == "live" and not (await get_account(tx, tenant.account_id)).is_live_open:
        raise _not_open()


def _not_open() -> LiveNotOpen:
    return LiveNotOpen(
        "Live isn't open for this account yet. The operator of this gateway opens it "
        "with `topup accounts open-live` or on the account's page.",
        reason="live_not_open",
    )
