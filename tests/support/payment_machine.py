"""Machine payments of a test without HTTP: a payer, a process, a worker's look, and whoever settles."""

import itertools
import os
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from billing.credits.redemption_code import RedemptionCodes
from billing.machine_payments import payment as payments
from billing.machine_payments.commands import PaymentVerdict
from billing.machine_payments.facilitator import Facilitator, TokenProof
from billing.machine_payments.offer import offers_of
from billing.machine_payments.payment import (
    MACHINE_ACCOUNT,
    X402,
    MachinePayment,
    PaidRequest,
    open_machine_account,
)
from billing.machine_payments.settling import MachinePayments
from billing.proof.audit import audit
from kernel.clock import FixedClock
from kernel.ids import new_id
from keys.audit_log import Actor
from keys.vault import Vault
from store.database import Database, Transaction
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account
from worker.money.provider_calls import MachinePayer

CODES = RedemptionCodes(b"c" * 32)
VAULT = Vault([b"v" * 32])
HOUR_US = 3_600_000_000
NUMBERS = itertools.count()


@dataclass
class Machine:
    """The machine payments of a process, settled by that facilitator."""

    account: FundedAccount
    facilitator: Facilitator
    database: Database
    protocol: str = X402

    @property
    def paying(self) -> MachinePayments:
        clock = self.account.clock
        engine = open_engine(self.database, clock, self.account.rules)
        offers = offers_of(None, "")
        return MachinePayments(
            self.database,
            clock,
            engine,
            VAULT,
            CODES,
            offers,
            {},
            {("staging", self.protocol): self.facilitator},
            challenge_key="",
            # Whoever died while asking is waited for in real time.
            wait_s=0.3,
        )

    def payment(self, number: int, **request: Any) -> MachinePayment:
        """The payment of that number, as its request brings it."""
        now_us = self.account.clock.now_us()
        fields: dict[str, Any] = {
            "platform": "claude",
            "amount_cents": 1000,
            "recipient_email": "user@example.com",
            **request,
        }
        asked = PaidRequest(**fields)
        made = MachinePayment(
            id=new_id("mpy"),
            account_id=MACHINE_ACCOUNT,
            environment="staging",
            spent_by=(),
            protocol=self.protocol,
            payment_ref=f"ref-{number}",
            identifier=f"id-{number}",
            body_digest=f"{asked}",
            request=asked,
            network="eip155:84532",
            asset="0xa",
            payer="0xb",
            amount="10000000",
            charged_cents=asked.charged_cents,
            proof="",
            transaction_id=new_id("txn"),
            expires_at=now_us + HOUR_US,
            created_at=now_us,
        )
        return replace(made, proof=self.paying.seal(made.id, self.proof(made)))

    def proof(self, payment: MachinePayment) -> bytes:
        """What is posted of it."""
        if self.protocol == X402:
            return payment.payment_ref.encode()
        return TokenProof(payment.id, payment.payment_ref, payment.charged_cents).encoded()

    async def pay(self, payment: MachinePayment) -> MachinePayment:
        await open_machine_account(self.database, now_us=self.account.clock.now_us())
        return await self.paying.pay(payment)

    async def decide(
        self, payment: MachinePayment, verdict: PaymentVerdict, *, settlement: str | None = None
    ) -> MachinePayment:
        """A person's word."""
        return await self.paying.decide(
            payment.id,
            verdict,
            settlement=settlement,
            reason="looked it up",
            actor=Actor(),
            by_name=None,
        )

    async def sweep(self, *, after_s: int = 600) -> None:
        """A worker's look, after every pause is over."""
        self.account.clock.advance_s(after_s)
        await MachinePayer(self.database, self.account.clock, self.paying).step()

    async def rows(self) -> list[MachinePayment]:
        return await self.account.database.read(
            lambda tx: payments.page(tx, "staging", state=None, before_id=None, limit=100)
        )

    async def delivered(self) -> int:
        """How many top-ups the machine account has that were delivered."""

        async def work(tx: Transaction) -> int:
            row = await tx.fetch_one(
                """SELECT COUNT(*) AS n FROM topups
                   WHERE account_id = :id AND status = 'delivered'""",
                id=MACHINE_ACCOUNT,
            )
            assert row is not None
            return int(row["n"])

        return await self.account.database.read(work)

    async def findings(self) -> list[Any]:
        return [one async for one in audit(self.account.database)]


async def open_machine(
    database: Database, clock: FixedClock, facilitator: Facilitator, *, protocol: str = X402
) -> Machine:
    account = await open_funded_account(
        database, clock, email=f"m{next(NUMBERS)}-{os.getpid()}@example.com"
    )
    return Machine(account, facilitator, database, protocol)
