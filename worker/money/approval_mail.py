"""Write the mails about sends that wait for a decision; worker/money/owner_mail.py sends them."""

from functools import partial
from typing import Final

from billing.recipients import approval_mail
from kernel.clock import Clock
from store.database import Database
from worker.woken_loop import WokenLoop

# Agents call at any moment; a mail within seconds keeps no person waiting.
BEAT_S: Final = 5.0


class ApprovalTeller(WokenLoop):
    """sent_in: environments whose mail leaves. tenants_at_once: in one transaction."""

    name = "approval_mail"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sent_in: frozenset[str],
        *,
        tenants_at_once: int = approval_mail.TENANTS_AT_ONCE,
    ) -> None:
        super().__init__()
        self._tenants_at_once = tenants_at_once
        self._database = database
        self._clock = clock
        self._sent_in = sent_in

    async def _look(self) -> float:
        await self.step()
        return BEAT_S

    async def step(self) -> int:
        mails, after = 0, None
        while True:
            write = partial(
                approval_mail.write_due,
                sent_in=self._sent_in,
                now_us=self._clock.now_us(),
                after=after,
                tenants_max=self._tenants_at_once,
            )
            written = await self._database.transaction(write, durable=False)
            mails, after = mails + written.mails, written.after
            if after is None:
                return mails
