"""Switch off an account's mail to its owner: expiring credit, receipts, and sends that wait for a decision.

It also stores a person's language of mail. keys/notifications.py has the rest. A failed payment is always
reported. Writes accounts.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from store.database import Transaction

MailChoice = Literal["expiring", "receipt", "approval"]
MAIL_CHOICES: Final[tuple[MailChoice, ...]] = get_args(MailChoice)


async def choose_mail(
    tx: Transaction, account_id: str, choice: MailChoice, *, is_on: bool, now_us: int
) -> None:
    """Choose from the next mail on, also for mail that isn't sent yet."""
    await tx.execute(_CHOOSE[choice], off_at=None if is_on else now_us, id=account_id)


async def mail_language(tx: Transaction, account_id: str) -> str | None:
    """Return the tag of the language that the owner chose, or null."""
    row = await tx.fetch_one("SELECT mail_language FROM accounts WHERE id = :id", id=account_id)
    return None if row is None else row["mail_language"]


async def set_mail_language(tx: Transaction, account_id: str, tag: str) -> None:
    """Set it from the next mail on; the caller has checked that the language exists."""
    await tx.execute(
        "UPDATE accounts SET mail_language = :tag WHERE id = :id", tag=tag, id=account_id
    )


_CHOOSE: Final[Mapping[MailChoice, str]] = {
    "expiring": "UPDATE accounts SET expiring_mail_off_at = :off_at WHERE id = :id",
    "receipt": "UPDATE accounts SET receipt_mail_off_at = :off_at WHERE id = :id",
    "approval": "UPDATE accounts SET approval_mail_off_at = :off_at WHERE id = :id",
}
