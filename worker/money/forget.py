"""Delete erased accounts' customers at their providers, with their cards.

A provider that is away delays only its own customers. Only an operator gives one up
(billing/payments/recharging/forgotten.py).
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from billing.payments.recharging.forgotten import Forgetting, ForgottenCustomer, due_customers
from kernel.clock import Clock
from store.database import Database
from worker.chores import Chore

FORGET_S: Final = 60.0
DUE_MAX: Final = 100


def forgetting_chore(database: Database, clock: Clock, forgetting: Forgetting) -> Chore:
    """Delete all that are due, one after the other at each provider."""

    async def of_one(due: Sequence[ForgottenCustomer]) -> None:
        for one in due:
            if await forgetting.forget(one) == "waits":
                return

    async def run() -> None:
        now_us = clock.now_us()
        due = await database.read(partial(due_customers, now_us=now_us, limit=DUE_MAX))
        by_place: dict[tuple[str, str], list[ForgottenCustomer]] = {}
        for one in due:
            by_place.setdefault((one.provider, one.environment), []).append(one)
        await asyncio.gather(*map(of_one, by_place.values()))

    return Chore("customers.forget", FORGET_S, run)
