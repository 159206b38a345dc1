"""A plan's credit over time: give its next part once, take what expired, publish coming ends.

Missed parts are caught up on. One that breaks is held back alone.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from billing.engine.engine import Command, Engine
from billing.subscriptions import expiry_notice, plan_grant
from billing.subscriptions.expiry_notice import TellExpiring
from billing.subscriptions.period import EndParts, GiveParts
from kernel.clock import HOUR_US, Clock
from kernel.errors import DomainError, Unavailable
from store.database import Database, Transaction
from store.errors import StoreError
from worker.woken_loop import PAUSE_S, Setbacks, WokenLoop

STEP_MAX: Final = 100
# Expired credit can't be spent meanwhile, and parts come once a month.
BEAT_S: Final = 30.0
# Grants near their end since the last look are published; a full read is rare.
WHOLE_LOOK_US: Final = HOUR_US

_log = logging.getLogger(__name__)
_Item = tuple[Setbacks, str, Command[object]]


class PlanCreditor(WokenLoop):
    name = "plan_credit"
    rest_s = PAUSE_S

    def __init__(
        self, database: Database, clock: Clock, engine: Engine, lead_days: Sequence[int]
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._engine = engine
        self._lead_days = lead_days
        self._given = Setbacks()
        self._ended = Setbacks()
        self._told = Setbacks()
        self._looked_until: int | None = None
        self._whole_look_at = 0

    async def _look(self) -> float:
        return BEAT_S if await self.step() == 0 else PAUSE_S

    async def step(self) -> int:
        now_us = self._clock.now_us()
        # In this order: what a part leaves over is decided when the next one is given.
        done = 0
        for look in (self._to_give, self._to_end, self._to_tell):
            items = await self._database.read(partial(look, now_us=now_us))
            done += sum(await asyncio.gather(*(self._do(item) for item in items)))
        return done

    async def _to_give(self, tx: Transaction, *, now_us: int) -> list[_Item]:
        due = await plan_grant.due(
            tx, now_us=now_us, limit=STEP_MAX, exclude_ids=self._given.held_back()
        )
        return [
            (self._given, one, GiveParts(one, tenant)) for tenant, ids in due.items() for one in ids
        ]

    async def _to_end(self, tx: Transaction, *, now_us: int) -> list[_Item]:
        over = await plan_grant.expired(
            tx, now_us=now_us, limit=STEP_MAX, exclude_ids=self._ended.held_back()
        )
        return [
            (self._ended, one, EndParts(one, tenant)) for tenant, ids in over.items() for one in ids
        ]

    async def _to_tell(self, tx: Transaction, *, now_us: int) -> list[_Item]:
        if now_us >= self._whole_look_at:
            self._looked_until, self._whole_look_at = None, now_us + WHOLE_LOOK_US
        held_back = self._told.held_back()
        ending = await expiry_notice.due(
            tx,
            self._lead_days,
            now_us=now_us,
            limit=STEP_MAX,
            exclude_ids=held_back,
            looked_until=self._looked_until,
        )
        if not ending and not held_back:
            self._looked_until = now_us
        return [(self._told, one.ledger_account_id, TellExpiring(one)) for one in ending]

    async def _do(self, item: _Item) -> bool:
        setbacks, name, command = item
        try:
            await self._engine.submit(command)
        except (StoreError, Unavailable):
            raise
        except Exception as error:
            setbacks.failed(name)
            fields = {"item": name}
            if isinstance(error, DomainError):
                _log.warning(
                    "plan_credit.refused", extra={"fields": {**fields, "reason": error.detail}}
                )
            else:
                _log.exception("plan_credit.broke", extra={"fields": fields})
            return False
        setbacks.went_well(name)
        return True
