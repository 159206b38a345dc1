"""An account at the engine: what the tests of billing/ start from."""

import os
from dataclasses import dataclass, field
from typing import Any, TypeVar

from billing.credits.opening import open_account
from billing.engine.batch_state import Rules
from billing.engine.engine import Command, Engine
from billing.ledger.balances import balance
from billing.proof.audit import Finding, audit
from billing.topups.fulfilment import BeginSupplierCall, BegunCall, Settle
from billing.topups.platform import BUILT_IN, Platform, Source
from billing.topups.rules import (
    LinkTokens,
    TopUpRules,
    VoucherCodes,
    VoucherTarget as SettleVoucher,
)
from billing.topups.send import Sent, new_send, prepare
from billing.topups.settlement import Cancel, Decide, EndedTopUp
from billing.topups.voucher_redemption import Redeemed, find_issued, new_redeem
from billing.usage.price_rows import PriceBook
from kernel.clock import FixedClock
from keys.api_keys.api_key import mint
from keys.api_keys.fields import NewKey
from keys.api_keys.lookup import load_principals
from keys.principal import Environment, Principal
from keys.token_format import digest
from store.database import Database, Transaction
from store.idempotency import RequestKey, StoredAnswer, request_key
from tests.support.platform_book import same_everywhere

APPROVER = "key_approver"
SLOW = Platform("slow", "Slow", suppliers=(Source("slow", "http"),))

R = TypeVar("R")


@dataclass(slots=True)
class FundedAccount:
    """An engine, an account with $10,000.00 in staging, and a key of it. Commands return results."""

    database: Database
    clock: FixedClock
    engine: Engine
    account_id: str
    principal: Principal
    kept: list[Any] = field(default_factory=list)

    @property
    def rules(self) -> TopUpRules:
        return self.engine.rules.of(TopUpRules)

    async def send(
        self,
        amount_cents: int = 1000,
        *,
        to: str = "user@example.com",
        platform: str = "claude",
        key: str | None = None,
        body: bytes = b"{}",
        principal: Principal | None = None,
        **more: Any,
    ) -> Sent:
        """The outcome of a send; see `run` for what a repeated key gives."""
        caller = principal or self.principal
        order = prepare(
            self.rules.platforms.of(caller.environment),
            account_id=caller.account_id,
            platform=platform,
            amount_cents=amount_cents,
            recipient_email=to,
            **more,
        )
        stored = None
        if key is not None:
            stored = request_key(
                account_id=caller.account_id,
                environment=caller.environment,
                owner=caller.key_owner,
                key_text=key,
                method="POST",
                path="/topup/send",
                canonical_body=body,
            )
        return await self.run(new_send(caller, order), stored)

    async def run(self, command: Command[R], key: RequestKey | None = None) -> R:
        """The command's result; of a replay None. With a key `kept` has the answer."""
        if key is None:
            return await self.engine.submit(command)
        results: list[R] = []

        def encode(result: R) -> StoredAnswer:
            results.append(result)
            return StoredAnswer(200, repr(result).encode())

        self.kept.append(await self.engine.submit_once(command, key, encode))
        return results[-1] if results else None  # type: ignore[return-value]

    async def cancel(self, topup_id: str) -> EndedTopUp:
        return await self._end(
            Cancel, topup_id, cancelled_by=self.principal.credential_id, own_key=None
        )

    async def settle(self, topup_id: str, outcome: str, **more: Any) -> EndedTopUp:
        return await self._end(Settle, topup_id, outcome=outcome, **more)

    async def hand_over(self, topup_id: str, seen: int) -> BegunCall:
        command = BeginSupplierCall(
            topup_id=topup_id,
            tenant=self.principal.tenant,
            seen_checks_made=seen,
            next_check_at=self.clock.now_us() + 60_000_000,
            source=SLOW.first,
            recipient_email="user@example.com",
        )
        return await self.engine.submit(command)

    async def decide(self, topup_id: str, approval_id: str, decision: str) -> EndedTopUp:
        return await self._end(
            Decide,
            topup_id,
            approval_id=approval_id,
            decision=decision,
            decided_by=None if decision == "expired" else APPROVER,
            spent_by=self.principal.lineage,
        )

    async def balance(self, principal: Principal | None = None) -> dict[str, Any]:
        caller = principal or self.principal

        async def work(tx: Transaction) -> dict[str, Any]:
            return await balance(tx, caller, now_us=self.clock.now_us(), is_promo_sendable=False)

        return await self.database.read(work)

    async def findings(self) -> list[Finding]:
        return [finding async for finding in audit(self.database)]

    async def events(self) -> list[str]:
        """Types of the account's staging events, in order."""

        async def work(tx: Transaction) -> list[str]:
            rows = await tx.fetch(
                "SELECT type FROM events WHERE account_id = :id ORDER BY event_no",
                id=self.account_id,
            )
            return [row["type"] for row in rows]

        return await self.database.read(work)

    async def in_live(self) -> Principal:
        """A caller of the same account in live, whose wallet is empty."""
        return await self.mint(environment="live")

    async def mint(self, environment: Environment = "staging", **fields: Any) -> Principal:
        return await mint_key(self.database, self.clock, self.account_id, environment, **fields)

    async def _end(self, command: Any, topup_id: str, **fields: Any) -> EndedTopUp:
        made = command(topup_id=topup_id, tenant=self.principal.tenant, **fields)
        ended: EndedTopUp = await self.engine.submit(made)
        return ended


async def open_funded_account(
    database: Database, clock: FixedClock, *, email: str = "acme@example.com", **key_fields: Any
) -> FundedAccount:
    """A fresh account; key_fields are the caps and the like of its key."""

    async def work(tx: Transaction) -> str:
        return await open_account(tx, name="Acme", email=email, now_us=clock.now_us())

    account_id = await database.transaction(work)
    principal = await mint_key(database, clock, account_id, "staging", **key_fields)
    key = os.urandom(32)
    rules = TopUpRules(same_everywhere([*BUILT_IN, SLOW]), VoucherCodes(key), LinkTokens(key))
    engine = open_engine(database, clock, rules)
    return FundedAccount(database, clock, engine, account_id, principal)


def open_engine(database: Database, clock: FixedClock, rules: TopUpRules) -> Engine:
    return Engine(
        database,
        clock,
        Rules(rules, PriceBook(), code_of=rules.codes.code_of, claim_token_of=rules.claim_token_of),
    )


async def mint_key(
    database: Database,
    clock: FixedClock,
    account_id: str,
    environment: Environment,
    *,
    parent: Principal | None = None,
    **fields: Any,
) -> Principal:
    async def work(tx: Transaction) -> Principal:
        _, secret = await mint(
            tx,
            account_id=account_id,
            environment=environment,
            parent=parent,
            new=NewKey(name="test", **fields),
            now_us=clock.now_us(),
        )
        found = await load_principals(tx, [digest(secret)], now_us=clock.now_us())
        principal = found[digest(secret)]
        assert isinstance(principal, Principal), principal
        return principal

    return await database.transaction(work)


async def redeem(
    account: FundedAccount, code: str, settle: SettleVoucher = "wallet", **more: Any
) -> Redeemed:
    principal = more.get("principal", account.principal)
    issued = await find_issued(
        account.database, account.rules.codes, code, environment=principal.environment
    )
    return await account.engine.submit(new_redeem(principal, issued, settle))
