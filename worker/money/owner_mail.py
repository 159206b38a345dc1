"""Mail to accounts' owners about their plans: claimed, handed to the mail server, settled.

Promise: a mail that two workers saw is sent by one; one whose worker ended is sent again under the same
Message-ID; one about a plan that was paid meanwhile is not sent. No transaction is open while mail is sent.
"""

import asyncio
import logging
from collections.abc import Callable
from email.headerregistry import Address
from functools import partial
from typing import Final

from billing.recipients.smtp import SEND_S, SmtpSender
from billing.subscriptions import owner_mail
from billing.subscriptions.owner_letter import owner_letter
from billing.subscriptions.owner_mail import DueOwnerMail, OwnerMailStatus
from billing.topups.rules import TopUpRules
from kernel.clock import SECOND_US, Clock
from store.database import Database
from worker.woken_loop import WokenLoop

AT_ONCE_MAX: Final = 8
LEASE_US: Final = round((SEND_S + 60) * SECOND_US)
BEAT_S: Final = 30.0
_log = logging.getLogger(__name__)


class OwnerMailer(WokenLoop):
    """The worker's loop over what is due; on_mail is told each try's outcome and environment."""

    name = "owner_mail"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        rules: TopUpRules,
        sender: SmtpSender,
        mail_from: Address,
        on_mail: Callable[[str, str], None] = lambda _outcome, _environment: None,
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._rules = rules
        self._sender = sender
        self._from = mail_from
        self._on_mail = on_mail

    async def _look(self) -> float:
        while await self.step() == AT_ONCE_MAX:
            pass
        return BEAT_S

    async def step(self) -> int:
        """Sends what is due now, at most AT_ONCE_MAX; returns how many mails that were."""
        claim = partial(
            owner_mail.claim, now_us=self._clock.now_us(), lease_us=LEASE_US, limit=AT_ONCE_MAX
        )
        due = await self._database.transaction(claim)
        await asyncio.gather(*(self._send(one) for one in due))
        return len(due)

    async def _send(self, due: DueOwnerMail) -> None:
        try:
            status, reason = await self._outcome(due)
            now_us = self._clock.now_us()
            await self._database.transaction(
                lambda tx: owner_mail.settle(tx, due.mail, status, reason, now_us=now_us)
            )
            self._on_mail(status, due.mail.environment)
        except Exception:
            # Its lease ends, and it is sent again; the mailbox knows the Message-ID.
            _log.exception("owner_mail.broke", extra={"fields": {"mail": due.mail.id}})

    async def _outcome(self, due: DueOwnerMail) -> tuple[OwnerMailStatus, str | None]:
        one, address = due.subscription, due.address
        if one is None or one.status != "past_due":
            return "failed", "it was paid or ended meanwhile"
        if address is None or not self._rules.mail.is_sent(one.environment, address):
            return "outbox", "the account has no address that mail is sent to"
        message = owner_letter(
            due.mail,
            one,
            address=address,
            mail_from=self._from,
            public_url=self._rules.public_url,
        )
        handed = await self._sender.hand_in(message, sender=self._from.addr_spec, recipient=address)
        if handed.outcome == "taken":
            return "sent", None
        return ("bounced" if handed.outcome == "refused" else "queued"), handed.reason
