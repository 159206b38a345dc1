"""Which mail an account's owner wants, and in which language: that credit ends soon can be switched off. Writes
accounts.

What failed to be paid is always told: nobody can mend what nobody knows.
"""

from store.database import Transaction


async def wants_expiring_mail(tx: Transaction, account_id: str) -> bool:
    """False where the account switched it off."""
    row = await tx.fetch_one(
        "SELECT expiring_mail_off_at FROM accounts WHERE id = :id", id=account_id
    )
    return row is None or row["expiring_mail_off_at"] is None


async def set_expiring_mail(tx: Transaction, account_id: str, *, is_on: bool, now_us: int) -> None:
    """From the next mail on, also for those that are written and not sent yet."""
    await tx.execute(
        "UPDATE accounts SET expiring_mail_off_at = :off_at WHERE id = :id",
        off_at=None if is_on else now_us,
        id=account_id,
    )


async def mail_language(tx: Transaction, account_id: str) -> str | None:
    """The tag of the language that the owner chose; null: none was chosen."""
    row = await tx.fetch_one("SELECT mail_language FROM accounts WHERE id = :id", id=account_id)
    return None if row is None else row["mail_language"]


async def set_mail_language(tx: Transaction, account_id: str, tag: str) -> None:
    """From the next mail on; the caller looked whether there is such a language."""
    await tx.execute(
        "UPDATE accounts SET mail_language = :tag WHERE id = :id", tag=tag, id=account_id
    )
