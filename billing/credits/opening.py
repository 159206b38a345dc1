"""Open accounts and give them test credit."""

from dataclasses import dataclass

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.ledger import Code, Ledger, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CENT, cents_to_micros, micros_to_cents
from kernel.clock import DAY_US, SECOND_US, day_start_us, rfc3339
from kernel.ids import AccountId, new_id
from kernel.tenant import Tenant
from keys.account import create_account
from keys.caps import CapExceeded
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


SANDBOX_FUNDING_PER_DAY_CENTS = 1_000_000
CREDIT_CENTS_MAX = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Credited:
    id: str
    amount_cents: int
    balance_cents: int


@dataclass(frozen=True, slots=True)
class Credit:
    """Add credit to a wallet. `per_day_cents` limits how much an account may receive in a UTC day."""

    tenant: Tenant
    amount_cents: int
    source: LedgerAccountKind
    per_day_cents: int | None = None

    def declare(self, read_set: ReadSet) -> None:
        assert self.source in {LedgerAccountKind.TEST_CREDIT, LedgerAccountKind.MANUAL}, self.source
        assert self.source is LedgerAccountKind.MANUAL or self.tenant.environment == "staging", (
            "test credit is staging's"
        )
        read_set.tenants.add(self.tenant)
        read_set.places.add((*self.tenant, self.source, ""))
        if self.per_day_cents is not None:
            read_set.funding_accounts.add(self.tenant.account_id)

    def decide(self, state: BatchState) -> Credited:
        amount_micros = self.amount_cents * MICROS_PER_CENT
        if self.per_day_cents is not None:
            self._check_day(state, self.per_day_cents)
            state.spending.count_funding(self.tenant.account_id, amount_micros)
        subject_id = new_id("crd")
        source = state.ledger.account(self.tenant, self.source)
        code = Code.TEST_CREDIT if self.source is LedgerAccountKind.TEST_CREDIT else Code.MANUAL
        state.credit(self.tenant, source, amount_micros, code, subject_id=subject_id)
        balance = micros_to_cents(state.ledger.balance_micros(self.tenant, state.now_us))
        return Credited(subject_id, self.amount_cents, balance)

    def _check_day(self, state: BatchState, per_day_cents: int) -> None:
        given_cents = -(-state.spending.funded_micros(self.tenant.account_id) // MICROS_PER_CENT)
        remaining = max(0, per_day_cents - given_cents)
        if self.amount_cents > remaining:
            resets_at = day_start_us(state.now_us) + DAY_US
            raise CapExceeded(
                f"{remaining} of today's {per_day_cents} cents of test credit are left.",
                param="amount_cents",
                reason="funding",
                retry_after_s=(
                    None
                    if self.amount_cents > per_day_cents
                    else -((state.now_us - resets_at) // SECOND_US)
                ),
                extra={
                    "limit": per_day_cents,
                    "remaining": remaining,
                    "resets_at": rfc3339(resets_at),
                },
            )
