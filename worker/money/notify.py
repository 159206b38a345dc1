"""Write mail about webhooks, balances, keys and waiting sends; worker/money/owner_mail.py sends it."""

from functools import partial
from typing import Final

from billing.recipients import approval_mail, gathered_mail
from billing.recipients.gathered_mail import GATHERED, GatheredKind
from kernel.clock import DAY_US, HOUR_US, Clock
from store.database import Database
from worker.woken_loop import WokenLoop

BEAT_S: Final = 15.0


class NotificationWriter(WokenLoop):
    """sent_in: environments whose mail leaves. accounts_at_once: in one transaction.

    A new process looks back a day, then an hour before its last look, longer than an account waits for its
    next mail of a kind.
    """

    name = "notifications"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sent_in: frozenset[str],
        *,
        accounts_at_once: int = gathered_mail.ACCOUNTS_AT_ONCE,
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._sent_in = sent_in
        self._accounts_at_once = accounts_at_once
        self._looked_at: int | None = None

    async def _look(self) -> float:
        await self.step()
        return BEAT_S

    async def step(self) -> int:
        now_us = self._clock.now_us()
        since_us = now_us - DAY_US if self._looked_at is None else self._looked_at - HOUR_US
        mails = 0
        for kind in GATHERED:
            mails += await self._write(kind, since_us=since_us, now_us=now_us)
        self._looked_at = now_us
        return mails

    async def _write(self, kind: GatheredKind, *, since_us: int, now_us: int) -> int:
        mails, is_more = 0, True
        while is_more:
            write = partial(
                gathered_mail.write_due,
                kind=kind,
                sent_in=self._sent_in,
                since_us=since_us,
                now_us=now_us,
                accounts_max=self._accounts_at_once,
            )
            written, is_more = await self._database.transaction(write, durable=False)
            mails += written
        return mails


# Agents call at any moment; a mail within seconds keeps no person waiting.
APPROVAL_BEAT_S: Final = 5.0


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
        return APPROVAL_BEAT_S

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
