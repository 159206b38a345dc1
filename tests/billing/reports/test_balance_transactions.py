"""The lines of a balance, whatever moved it, also what only a later release has a word for."""

import pytest

from billing.ledger.ledger import Code, Ledger
from billing.reports.balance_transactions import page
from kernel.clock import FixedClock
from store.database import Database, Transaction
from tests.support.funded_account import open_funded_account

LATER = "code_of_a_later_release"


@pytest.mark.one_database
async def test_each_movement_of_a_wallet_has_a_line(database: Database, clock: FixedClock) -> None:
    account = await open_funded_account(database, clock)
    tenant, now_us = account.principal.tenant, clock.now_us()

    async def move_by_each(tx: Transaction) -> None:
        ledger = Ledger()
        await ledger.load(tx, [tenant], [])
        wallet, held = ledger.wallet(tenant), ledger.held(tenant)
        for number, code in enumerate(Code):
            ledger.post(
                debit=wallet,
                credit=held,
                amount_micros=1 + number,
                code=code,
                now_us=now_us,
            )
        await ledger.flush(tx, now_us)

    async def name_one_anew(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE transfers SET code = :later WHERE code = :code AND amount_micros = 1",
            later=LATER,
            code=str(next(iter(Code))),
        )

    await database.transaction(move_by_each)
    await database.transaction(name_one_anew)
    lines, _ = await database.read(lambda tx: page(tx, tenant, offset=0, limit=100))

    shown = {
        line.code: (line.type, -line.amount_micros) for line in lines if line.amount_micros < 0
    }
    assert len(shown) == len(Code)
    assert shown[LATER] == ("manual", 1)
    assert shown["refund_hold"][0] == shown["refund_release"][0] == "purchase_reversal"
    assert shown["usage_overage"][0] == "ai_usage"
