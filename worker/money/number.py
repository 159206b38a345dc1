"""Number receipts and credit notes in the order of payments, within BEAT_S (billing/documents/numbering.py)."""

from collections.abc import Collection
from typing import Final

from billing.documents.facts import Seller
from billing.documents.numbering import STEP_MAX, number_step
from kernel.clock import Clock
from keys.principal import ENVIRONMENTS
from store.database import Database
from worker.woken_loop import PAUSE_S, WokenLoop

BEAT_S: Final = 10.0


class Numberer(WokenLoop):
    name = "documents"
    rest_s = PAUSE_S

    def __init__(
        self, database: Database, clock: Clock, seller: Seller, mail_sent_in: Collection[str] = ()
    ) -> None:
        super().__init__()
        self._mail_sent_in = mail_sent_in
        self._database = database
        self._clock = clock
        self._seller = seller

    async def _look(self) -> float:
        """Take one step of each environment; again at once after a full one."""
        is_whole = False
        for environment in ENVIRONMENTS:
            settled = await number_step(
                self._database,
                environment,
                self._seller,
                now_us=self._clock.now_us(),
                mail_sent_in=self._mail_sent_in,
            )
            is_whole = is_whole or settled >= STEP_MAX
        return PAUSE_S if is_whole else BEAT_S
