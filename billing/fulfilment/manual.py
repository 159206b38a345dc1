"""Manual fulfilment: the top-up waits as a task until an operator delivers or refuses (docs/suppliers.md)."""

from typing import Annotated

import msgspec

from billing.fulfilment import tasks
from billing.fulfilment.protocol import (
    Options,
    Outcome,
    Registration,
    Request,
    Supplier,
    Tools,
    Unknown,
    Waiting,
)
from billing.topups.attempt import lock_turn
from billing.topups.plausible import SupplierTerms
from billing.topups.topup import Deliverable
from kernel.clock import SECOND_US
from store.database import Transaction

MINUTE_US = 60 * SECOND_US
# Learns nothing new, but makes a lost task again.
AGAIN_S = 300.0


class ManualOptions(Options, frozen=True, kw_only=True):
    """due_minutes: from the send on. shared_codes: as of the kind `http`."""

    due_minutes: Annotated[int, msgspec.Meta(ge=1, le=43_200)] = 240
    shared_codes: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Manual(Supplier):
    def __init__(self, options: ManualOptions, tools: Tools) -> None:
        self._options = options
        self._tools = tools

    async def fulfil(self, request: Request) -> Outcome:
        tools = self._tools
        now_us = tools.clock.now_us()

        async def work(tx: Transaction) -> bool:
            if not await lock_turn(tx, request.transaction_id, tools.supplier_id, request.attempt):
                return False
            await tasks.open_task(
                tx,
                request.transaction_id,
                account_id=request.account_id,
                environment=tools.environment,
                supplier=tools.supplier_id,
                due_at=now_us + self._options.due_minutes * MINUTE_US,
                now_us=now_us,
            )
            return True

        if not await tools.database.transaction(work):
            return Unknown("asked again meanwhile")
        # The operator's command ends the top-up (billing/manual_review/decisions.py).
        return Waiting(again_in_s=AGAIN_S)


def _make(options: ManualOptions, tools: Tools) -> Manual:
    return Manual(options, tools)


SUPPLIER = Registration(
    name="manual",
    text="A person: each top-up is a task, until somebody hands over a code or a note.",
    options=ManualOptions,
    make=_make,
    sample=lambda _request: Deliverable("note", "Sandbox: a person would write something here."),
    asked_again="repeat",
    terms=lambda options: SupplierTerms(options.shared_codes),
)
