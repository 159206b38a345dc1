"""The machine account: the operator's, for top-ups of payers without an account.

Made at the first payment, with one fixed ID for all processes.
"""

from typing import Final

from kernel.ids import AccountId
from keys.account import EmailTaken, create_account
from store.database import Database, Transaction

MACHINE_ACCOUNT: Final = AccountId("acc_0000000000000000")
NAME: Final = "Payers without an account"


async def open_machine_account(database: Database, *, now_us: int) -> None:
    async def work(tx: Transaction) -> None:
        found = await tx.fetch_one("SELECT id FROM accounts WHERE id = :id", id=MACHINE_ACCOUNT)
        if found is None:
            await create_account(
                tx, name=NAME, email=None, now_us=now_us, account_id=MACHINE_ACCOUNT
            )

    try:
        await database.transaction(work)
    except EmailTaken:
        # Another process made it at the same moment.
        return
