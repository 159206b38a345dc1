"""Suppliers that do what a test tells them, an account that sends to them, and a worker that asks them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from billing.fulfilment.protocol import (
    Delivered,
    Look,
    Options,
    Outcome,
    Refused,
    Registration,
    Request,
    Supplier,
    Unknown,
    Waiting,
)
from billing.fulfilment.registry import discover
from billing.fulfilment.suppliers import Suppliers
from billing.manual_review.decisions import Person, ReviewCommand
from billing.topups import fulfilment as attempts
from billing.topups.fulfilment import Attempt
from billing.topups.settlement import EndedTopUp
from billing.topups.topup import Deliverable, TopUp, load
from kernel.clock import FixedClock
from keys.audit_log import Actor
from store.database import Database
from tests.support.funded_account import FundedAccount, open_engine, open_funded_account
from tests.support.suppliers import open_suppliers
from worker.fulfilment_runner import Breakers
from worker.topups import Fulfiller

AGAIN_S = 76
CODE = Deliverable("code", "GIFT-1234-5678")


@dataclass
class Told(Supplier):
    """Does what it is told for each ask, and keeps what it was asked; where nothing is left it delivers CODE for the
    first top-up, and a code of its own for each other one.
    """

    outcomes: list[Any] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    prepared: str | None = None
    asked: list[Request] = field(default_factory=list)
    looked: int = 0
    prepares: int = 0

    async def fulfil(self, request: Request) -> Outcome:
        self.asked.append(request)
        outcome = self.outcomes.pop(0) if self.outcomes else Delivered(self._code(request))
        if outcome is None:
            await asyncio.Event().wait()
        assert isinstance(outcome, Delivered | Refused | Waiting | Unknown)
        return outcome

    def _code(self, request: Request) -> Deliverable:
        ids = list(dict.fromkeys(one.transaction_id for one in self.asked))
        number = ids.index(request.transaction_id)
        return msgspec.structs.replace(CODE, value=f"GIFT-{1234 + number}-5678")

    async def prepare(self, request: Request) -> str | None:
        self.prepares += 1
        return self.prepared

    async def look_up(self, request: Request) -> Look:
        self.looked += 1
        return self.looks.pop(0)


class Shop:
    """An account, a platform `gpt` with these suppliers in order, and a worker."""

    def __init__(
        self,
        account: FundedAccount,
        told: Mapping[str, Told],
        suppliers: Suppliers,
        breakers: Breakers,
    ) -> None:
        self.account = account
        self.told = told
        self.suppliers = suppliers
        self._breakers = breakers
        self.worker = self.new_worker()

    @classmethod
    async def open(
        cls,
        database: Database,
        clock: FixedClock,
        told: Mapping[str, Told],
        *,
        breakers: Breakers | None = None,
        **more: Any,
    ) -> "Shop":
        account = await open_funded_account(database, clock)
        registrations = {
            name: discover()[name]
            if name == "manual"
            else Registration(
                **{
                    "name": name,
                    "text": "",
                    "options": Options,
                    "make": lambda _options, tools: told[tools.supplier_id],
                    "sample": lambda _request: Deliverable("credit"),
                    "asked_again": "repeat",
                    **more,
                }
            )
            for name in told
        }
        suppliers = await open_suppliers(account, registrations, {"gpt": list(told)})
        rules = replace(account.rules, platforms=suppliers.book)
        at = replace(account, engine=open_engine(database, clock, rules))
        return cls(at, told, suppliers, breakers or Breakers())

    def new_worker(self) -> Fulfiller:
        return Fulfiller(
            self.account.database,
            self.account.clock,
            self.account.engine,
            self.suppliers,
            breakers=self._breakers,
        )

    async def act(
        self, command: type[ReviewCommand], topup_id: str, by: str = "ann", **more: Any
    ) -> EndedTopUp:
        """One decision of an operator."""
        person, tenant = Person(Actor(), by), self.account.principal.tenant
        return await self.account.engine.submit(command(topup_id, tenant, person, **more))

    async def send(self, **fields: Any) -> str:
        return (await self.account.send(1000, platform="gpt", **fields)).topup.id

    async def now(self, topup_id: str) -> TopUp:
        found = await self.account.database.read(lambda tx: load(tx, [topup_id]))
        return found[topup_id]

    async def attempts(self, topup_id: str) -> Sequence[Attempt]:
        return await self.account.database.read(lambda tx: attempts.load(tx, [topup_id]))

    async def turns(self, topup_id: str) -> list[tuple[str, str, int]]:
        return [
            (one.supplier, one.outcome, one.requests_made) for one in await self.attempts(topup_id)
        ]

    async def again(self) -> None:
        self.account.clock.advance_s(AGAIN_S)
        await self.worker.step()

    async def killed_while_asking(self) -> None:
        """A worker takes what is due, and is gone while its supplier is asked."""
        worker = self.new_worker()
        running = asyncio.create_task(worker.run())
        for _ in range(400):
            if any(None not in one.outcomes and one.asked for one in self.told.values()):
                break
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def close(self) -> None:
        assert await self.account.findings() == []
        await self.account.engine.close()
