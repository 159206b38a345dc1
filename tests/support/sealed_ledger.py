"""A live account whose ledger has two sealed days and a third one, for tests of what the audit finds."""

from collections.abc import Sequence
from typing import Any

from billing.checkpoints.sums import ProofBasis, add_sealed
from billing.ledger.audit import SEALED_RULE, SETTLED_US, Steps
from billing.ledger.rule import Finding
from billing.proof.audit import audit
from kernel.clock import DAY_US, HOUR_US
from kernel.ids import least_id
from store.database import Database, Transaction
from tests.support.sealing import DAY, add_transfers, seal_days

# When the audit runs, and when the one before found nothing.
NOW = DAY + 2 * DAY_US + 4 * HOUR_US
PROVED_AT = NOW - 2 * HOUR_US
OWN = "acc_a"
# So that an account of a test is added up in several steps.
FEW = Steps(sides=2, transfers=2)
# When the account sent.
FIRST = DAY + HOUR_US
SECOND = DAY + DAY_US + 20 * HOUR_US
THIRD = DAY + 2 * DAY_US
_TOPUP = (
    *("id", "account_id", "environment", "status", "platform", "amount_cents", "recipient_email"),
    *("metadata", "fulfilment", "created_at", "settled_at", "new_balance_cents"),
)
_LEDGER_ACCOUNT = (
    *("id", "account_id", "environment", "kind", "name", "balance_micros"),
    *("created_at", "updated_at"),
)


async def open_sealed_ledger(database: Database) -> None:
    """$10.00 came in and $2.00 were sent on the first day, $1.00 on the second, both of which are sealed, and
    $1.00 on the third. On the first day another account got $5.00.
    """

    async def accounts(tx: Transaction) -> None:
        for account_id in (OWN, "acc_b"):
            about = ("id", "name", "created_at", "last_active_at")
            await tx.insert("accounts", about, [(account_id, "Merchant", DAY, DAY)])
            columns = ("account_id", "environment", "created_at")
            await tx.insert("account_environments", columns, [(account_id, "live", DAY)])
        rows = [
            ("lac_manual", OWN, "live", "manual", "", 10_000_000, DAY, DAY),
            ("lac_wallet", OWN, "live", "wallet", "", 6_000_000, DAY, DAY),
            ("lac_rec", OWN, "live", "recipient", "claude/to@example.com", 4_000_000, DAY, DAY),
            ("lac_b_manual", "acc_b", "live", "manual", "", 5_000_000, DAY, DAY),
            ("lac_b_wallet", "acc_b", "live", "wallet", "", 5_000_000, DAY, DAY),
        ]
        await tx.insert("ledger_accounts", _LEDGER_ACCOUNT, rows)

    await database.transaction(accounts)
    await _fund(database, OWN, "lac_manual", "lac_wallet", 10_000_000)
    await _fund(database, "acc_b", "lac_b_manual", "lac_b_wallet", 5_000_000)
    await add_send(database, FIRST, 2)
    await add_send(database, SECOND, 1)
    await add_send(database, THIRD, 1)


async def seal_two_days(database: Database) -> None:
    await seal_days(database, 2)
    await add_sealed(database)


def topup_at(at_us: int) -> str:
    """The id of the top-up that was sent then."""
    return least_id("txn", at_us)


async def add_send(database: Database, at_us: int, dollars: int) -> None:
    """A delivered top-up and its transfer, without the balances."""
    row = (
        *(topup_at(at_us), OWN, "live", "delivered", "claude", dollars * 100, "to@example.com"),
        *("{}", "voucher", at_us, at_us, dollars * 100),
    )
    await database.transaction(lambda tx: tx.insert("topups", _TOPUP, [row]))
    await add_transfers(
        database,
        at_us,
        account_id=OWN,
        debit_id="lac_wallet",
        credit_id="lac_rec",
        amount_micros=dollars * 1_000_000,
        code="topup_send",
        transaction_id=topup_at(at_us),
    )


async def audited(database: Database, *, is_full: bool, now_us: int = NOW) -> set[str]:
    """The rules that a proof finds broken; the account counts as a large one."""
    since_us = 0 if is_full else PROVED_AT - SETTLED_US
    basis = ProofBasis(database, since_us=since_us, now_us=now_us)
    return {one.rule async for one in audit(database, basis=basis, whole_up_to=0, steps=FEW)}


async def small_accounts(database: Database, count: int) -> None:
    """So many more, with nothing in them."""
    rows = [(f"acc_small_{number:02}", "live", DAY) for number in range(count)]
    columns = ("account_id", "environment", "created_at")
    await database.transaction(lambda tx: tx.insert("account_environments", columns, rows))


async def sealed_findings_of(database: Database, *, whole_up_to: int) -> set[Finding]:
    """What the sealed sums tell, of accounts with more transfers than that as of large ones."""
    basis = ProofBasis(database, since_us=PROVED_AT - SETTLED_US, now_us=NOW)
    found = audit(database, basis=basis, whole_up_to=whole_up_to, steps=FEW)
    return {one async for one in found if one.rule == SEALED_RULE}


async def execute(database: Database, *statements: str, **values: Any) -> None:
    async def work(tx: Transaction) -> None:
        for text in statements:
            assert await tx.execute(text, **values) >= 1, text

    await database.transaction(work)


async def sealed_rows(database: Database) -> Sequence[tuple[Any, ...]]:
    """By ledger account: day, debits, credits, and both without that day."""
    rows = await database.read(
        lambda tx: tx.fetch("SELECT * FROM sealed_balances ORDER BY ledger_account_id")
    )
    return [
        (
            row["ledger_account_id"],
            (row["day_start_at"] - DAY) // DAY_US,
            row["debits_micros"],
            row["credits_micros"],
            row["before_debits_micros"],
            row["before_credits_micros"],
        )
        for row in rows
    ]


async def _fund(
    database: Database, account_id: str, debit_id: str, credit_id: str, micros: int
) -> None:
    await add_transfers(
        database,
        DAY,
        first=len(account_id) + ord(account_id[-1]),
        account_id=account_id,
        debit_id=debit_id,
        credit_id=credit_id,
        amount_micros=micros,
        code="manual",
        subject_id=f"adj_{account_id}",
    )
