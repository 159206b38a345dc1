"""Send mail to recipients: claim, pass to the mail server without an open transaction, settle.

A dead worker's mail is sent again once its lease ends, under the same Message-ID.
"""

import asyncio
import logging
from collections.abc import Callable
from email.headerregistry import Address
from functools import partial
from typing import Final

from billing.recipients import mailing
from billing.recipients.letter import claimed_message
from billing.recipients.mailing import ClaimedMail, MailEnding, tried_again
from billing.recipients.smtp import SEND_S, SmtpSender
from billing.topups.rules import TopUpRules
from kernel.clock import SECOND_US, Clock
from store.database import Database
from store.errors import StoreError
from worker.woken_loop import PAUSE_S, WokenLoop

AT_ONCE_MAX: Final = 8
# Longer than one mail may take, so that no other worker sends it meanwhile.
LEASE_S: Final = SEND_S + 60
LEASE_US: Final = round(LEASE_S * SECOND_US)
BEAT_S: Final = 30.0
GRACE_S: Final = 0.8  # beside what the deliveries may take of a stop
_MASK: Final = "****"

OnMail = Callable[[str, str], None]
_log = logging.getLogger(__name__)


class Mailer(WokenLoop):
    name = "mail"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        rules: TopUpRules,
        sender: SmtpSender,
        mail_from: Address,
        on_mail: OnMail = lambda _outcome, _environment: None,
    ) -> None:
        """Call on_mail with each attempt's outcome and environment."""
        super().__init__()
        self._database = database
        self._clock = clock
        self._rules = rules
        self.sender = sender
        self.mail_from = mail_from
        self._on_mail = on_mail
        self._tasks: set[asyncio.Task[None]] = set()

    async def _look(self) -> float:
        return await self._wait_s() if await self._start_due() == 0 else PAUSE_S

    async def _stop(self) -> None:
        # What a server accepts in these seconds needn't be sent again.
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def step(self) -> int:
        sent = 0
        while started := await self._start_due():
            sent += started
            await asyncio.gather(*self._tasks, return_exceptions=True)
        return sent

    async def _start_due(self) -> int:
        room = AT_ONCE_MAX - len(self._tasks)
        if room <= 0:
            return 0
        claim = partial(
            mailing.claim,
            links=self._rules.links,
            now_us=self._clock.now_us(),
            lease_us=LEASE_US,
            limit=room,
        )
        # From before the claim, so that nothing begins that could outlast its lease.
        until_s = asyncio.get_running_loop().time() + LEASE_S - SEND_S
        claimed = await self._database.transaction(claim)
        for one in claimed:
            task = asyncio.create_task(self._send(one, until_s))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        return len(claimed)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self.wake()

    async def _send(self, claimed: ClaimedMail, until_s: float) -> None:
        mail = claimed.mail
        if asyncio.get_running_loop().time() >= until_s:
            # This worker was stopped since its claim, and another one may be sending it.
            return
        try:
            ending = await self._outcome(claimed)
            settle = partial(mailing.settle, mail=mail, ending=ending, now_us=self._clock.now_us())
            if await self._database.transaction(settle):
                self._on_mail(ending.status, mail.environment)
        except StoreError as error:
            # Its lease ends, and it is sent again; the mailbox knows the Message-ID.
            _log.warning(
                "mail.not_settled", extra={"fields": {"mail": mail.id, "error": str(error)}}
            )
        except Exception:
            _log.exception("mail.broke", extra={"fields": {"mail": mail.id}})

    async def _outcome(self, claimed: ClaimedMail) -> MailEnding:
        mail, topup = claimed.mail, claimed.topup
        if (
            topup is None
            or topup.status != "delivered"
            or topup.recipient_email != mail.recipient_email
        ):
            return MailEnding("failed", "what it was about is no longer there")
        if claimed.is_unwanted:
            return MailEnding("unwanted", "the recipient asked for no mail")
        if mail.attempts > mailing.ATTEMPTS_MAX:
            return MailEnding(
                "failed", "it was tried too often and nobody could say what came of it"
            )
        message = claimed_message(claimed, self._rules, self.mail_from)
        handed = await self.sender.hand_in(
            message, sender=self.mail_from.addr_spec, recipient=mail.recipient_email
        )
        if handed.outcome == "taken":
            return MailEnding("sent")
        reason = self._masked(handed.reason or "", topup.id)
        if handed.outcome == "refused":
            return MailEnding("bounced", reason)
        return tried_again(mail, reason, now_us=self._clock.now_us())

    def _masked(self, said: str, topup_id: str) -> str:
        """Return a server's message without the link, which is as good as a code."""
        for purpose in ("claim", "mail"):
            said = said.replace(self._rules.links.token_of(purpose, topup_id), _MASK)
        return said

    async def _wait_s(self) -> float:
        if len(self._tasks) >= AT_ONCE_MAX:
            return BEAT_S
        due_at = await self._database.read(mailing.next_due_at)
        if due_at is None:
            return BEAT_S
        return min(BEAT_S, max(PAUSE_S, (due_at - self._clock.now_us()) / SECOND_US))
