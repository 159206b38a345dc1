"""A sign-in that grants something, below HTTP."""

from keys import session
from store.database import Transaction


async def begin_sign_in(tx: Transaction, account_id: str, *, now_us: int) -> str:
    """The id of a new session of the account's owner."""
    begun, _ = await session.begin(tx, account_id=account_id, user_agent="test", now_us=now_us)
    return begun.id
