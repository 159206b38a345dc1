"""Open an account: tenant, environments and first test credit, in one transaction."""

from billing.ledger.ledger import Code, Ledger, LedgerAccountKind
from billing.ledger.money import cents_to_micros
from kernel.ids import AccountId
from kernel.tenant import Tenant
from keys.account import create_account
from store.database import Transaction

OPENING_TEST_CREDIT_CENTS = 1_000_000


async def open_account(
    tx: Transaction,
    *,
    name: str,
    email: str | None,
    now_us: int,
    is_operator: bool = False,
    is_sandbox: bool = False,
    has_live: bool = True,
) -> AccountId:
    """Open an account whose staging wallet holds $10,000.00 of test credit. has_live: see create_account.
    Raises EmailTaken and InvalidEmail.
    """
    account_id = await create_account(
        tx,
        name=name,
        email=email,
        now_us=now_us,
        is_operator=is_operator,
        is_sandbox=is_sandbox,
        has_live=has_live,
    )
    tenant = Tenant(account_id, "staging")
    ledger = Ledger()
    await ledger.load(tx, [tenant], [(*tenant, LedgerAccountKind.TEST_CREDIT, "")])
    ledger.post(
        debit=ledger.account(tenant, LedgerAccountKind.TEST_CREDIT),
        credit=ledger.account(tenant, LedgerAccountKind.WALLET),
        amount_micros=cents_to_micros(OPENING_TEST_CREDIT_CENTS),
        code=Code.TEST_CREDIT,
        now_us=now_us,
    )
    await ledger.flush(tx, now_us)
    return account_id
