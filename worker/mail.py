"""Send mail to recipients, owners, colleagues and invited people. No transaction is open during sending.

If a worker dies, its mail is sent again after the lease ends, under the same Message-ID. Mail to an owner isn't sent
if its cause has since been settled, or if the owner doesn't want it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from email.headerregistry import Address
from functools import partial
from typing import Final

from billing.documents.receipt_letter import receipt_letter
from billing.recharges import recharge as recharge_rows
from billing.recipients import mailing, owner_mail
from billing.recipients.account_mail import (
    invitation_letter,
    password_changed_letter,
    password_letter,
    resumed_letter,
    suspended_letter,
    verification_letter,
)
from billing.recipients.approval_mail import approval_letter
from billing.recipients.gathered_mail import GATHERED, gathered_letter
from billing.recipients.language import Language, english, nearest
from billing.recipients.letter import OwnerLetter, claimed_message, owner_message
from billing.recipients.mailing import ClaimedMail, MailEnding, tried_again
from billing.recipients.owner_mail import DueOwnerMail, OwnerMail, OwnerMailStatus
from billing.recipients.refusal import no_mail_token, no_mail_url
from billing.recipients.smtp import SEND_S, SmtpSender
from billing.recipients.smtp_server import SmtpServer
from billing.subscriptions import records as subscription_rows
from billing.subscriptions.owner_letter import owner_letter
from billing.subscriptions.subscription import Subscription
from billing.topups.queries import waiting
from billing.topups.rules import TopUpRules
from kernel.clock import SECOND_US, Clock
from kernel.errors import NotFound
from kernel.tenant import Tenant
from keys.account import get_account
from keys.member import find_invitation
from keys.notifications import Person
from keys.sign_in import email_verification, password_reset
from runtime.context import Context
from store.database import Database, Transaction
from store.errors import StoreError
from worker.woken_loop import PAUSE_S, WokenLoop

AT_ONCE_MAX: Final = 8
# Sending one email takes less time than this, so no other worker sends it at the same time.
LEASE_S: Final = SEND_S + 60
LEASE_US: Final = round(LEASE_S * SECOND_US)
BEAT_S: Final = 30.0
GRACE_S: Final = 0.8  # A stopping worker waits this long for mail that is being sent.
_MASK: Final = "****"

OnMail = Callable[[str, str], None]
_log = logging.getLogger(__name__)

OWNER_AT_ONCE_MAX: Final = 8
OWNER_LEASE_US: Final = round((SEND_S + 60) * SECOND_US)
OWNER_BEAT_S: Final = 30.0
_SETTLED: Final = "it was paid, decided, used or ended meanwhile"


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
        super().__init__()
        self._database = database
        self._clock = clock
        self._rules = rules
        self.sender = sender
        self.mail_from = mail_from
        self._on_mail = on_mail
        self._tasks: set[asyncio.Task[None]] = set()

    async def _poll(self) -> float:
        return await self._wait_s() if await self._start_due() == 0 else PAUSE_S

    async def _stop(self) -> None:
        # Mail that the server accepts while we wait needn't be sent again.
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
        # The time limit starts before the claim, so sending never takes longer than the lease.
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
            # This worker was suspended after its claim. Another worker may be sending this email.
            return
        try:
            ending = await self._outcome(claimed)
            settle = partial(mailing.settle, mail=mail, ending=ending, now_us=self._clock.now_us())
            if await self._database.transaction(settle):
                self._on_mail(ending.status, mail.environment)
        except StoreError as error:
            # After the lease ends, the email is sent again. The mailbox recognizes the duplicate by its Message-ID.
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
        """Return the mail server's message without links. A link gives access, like a code."""
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


class OwnerMailer(WokenLoop):
    name = "owner_mail"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        rules: TopUpRules,
        sender: SmtpSender,
        mail_from: Address,
        on_mail: Callable[[str, str], None] = lambda _outcome, _environment: None,
        *,
        label: Callable[[str], str] = str,
    ) -> None:
        super().__init__()
        self._database = database
        self._clock = clock
        self._rules = rules
        self._sender = sender
        self._from = mail_from
        self._on_mail = on_mail
        self._label = label

    async def _poll(self) -> float:
        while await self.step() == OWNER_AT_ONCE_MAX:
            pass
        return OWNER_BEAT_S

    async def step(self) -> int:
        claim = partial(
            owner_mail.claim,
            now_us=self._clock.now_us(),
            lease_us=OWNER_LEASE_US,
            limit=OWNER_AT_ONCE_MAX,
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
            _log.exception("owner_mail.broke", extra={"fields": {"mail": due.mail.id}})

    async def _outcome(self, due: DueOwnerMail) -> tuple[OwnerMailStatus, str | None]:
        mail, person = due.mail, due.person
        if person is None or due.is_unwanted:
            return "unwanted", "mail of this kind is switched off, or they are a colleague no more"
        if due.is_over:
            return "limited", "too many mails of this kind to one person within a day"
        language = nearest(person.language) or english()
        if mail.kind == "invitation":
            invited = await self._database.read(lambda tx: self._invited(tx, mail, language))
            return ("failed", _SETTLED) if invited is None else await self._hand_in(mail, *invited)
        if person.email is None or not self._rules.mail.is_sent(mail.environment, person.email):
            return "outbox", "the account has no address that mail is sent to"
        letter = await self._database.read(lambda tx: self._letter(tx, mail, person, language))
        if letter is None:
            return "failed", _SETTLED
        if person.member_id is not None:
            letter = replace(letter, account=person.account_name)
        return await self._hand_in(mail, letter, person.email)

    async def _hand_in(
        self, mail: OwnerMail, letter: OwnerLetter, address: str
    ) -> tuple[OwnerMailStatus, str | None]:
        url = no_mail_url(self._rules, mail)
        if url is not None:
            # Unlike the page that the email links to, this link requires no sign-in.
            letter = replace(letter, after_url=f"{url}?lang={letter.language.tag}")
        message = owner_message(
            mail, letter, address=address, mail_from=self._from, no_mail_url=url
        )
        handed = await self._sender.hand_in(message, sender=self._from.addr_spec, recipient=address)
        if handed.outcome == "taken":
            return "sent", None
        reason = self._masked(handed.reason, mail)
        return ("bounced" if handed.outcome == "refused" else "queued"), reason

    def _masked(self, said: str | None, mail: OwnerMail) -> str | None:
        """Return the mail server's message without the links that it may repeat. Anyone could use these links."""
        if said is None:
            return None
        links, told = self._rules.links, mail.data
        tokens = [links.token_of("approval", one) for one in told.get("approval_ids", ())]
        tokens.append(links.token_of("colleague_approval", mail.id))
        if "document_id" in told:
            tokens.append(links.token_of("receipt", told["document_id"]))
        if "invitation_id" in told:
            tokens.append(links.token_of("invitation", told["invitation_id"]))
        if "reset_id" in told:
            tokens.append(links.token_of("password", told["reset_id"]))
        if "verification_id" in told:
            tokens.append(links.token_of("address", told["verification_id"]))
        for token in (*tokens, *filter(None, [no_mail_token(links, mail)])):
            said = said.replace(token, _MASK)
        return said

    async def _letter(
        self, tx: Transaction, mail: OwnerMail, person: Person, language: Language
    ) -> OwnerLetter | None:
        if mail.kind == "approval":
            return await self._about_approvals(tx, mail, person, language)
        if mail.kind in GATHERED:
            url, now_us = self._rules.public_url, self._clock.now_us()
            return await gathered_letter(tx, mail, public_url=url, language=language, now_us=now_us)
        if mail.kind == "password":
            return await self._about_password(tx, mail, language)
        if mail.kind == "address":
            return await self._about_address(tx, mail, language)
        if mail.kind in {"suspended", "resumed"}:
            return _about_suspension(mail, self._rules.public_url, language)
        if mail.kind == "password_changed":
            at, public_url = mail.data["changed_at"], self._rules.public_url
            return password_changed_letter(changed_at=at, public_url=public_url, language=language)
        is_over, one = await _subject_of(tx, mail)
        if is_over:
            return None
        public_url = self._rules.public_url
        if mail.kind != "receipt":
            return owner_letter(
                mail, one, public_url=public_url, label=self._label, language=language
            )
        told = mail.data
        token = self._rules.links.token_of("receipt", told["document_id"])
        provider = self._label(told["provider"])
        return receipt_letter(
            mail, public_url=public_url, token=token, provider=provider, language=language
        )

    async def _about_approvals(
        self, tx: Transaction, mail: OwnerMail, person: Person, language: Language
    ) -> OwnerLetter | None:
        tenant = Tenant(mail.account_id, mail.environment)
        asked = await waiting(tx, tenant, mail.data["approval_ids"], now_us=self._clock.now_us())
        if not asked:
            return None
        rules = self._rules
        link_of = _decide_link_of(rules, mail, person)
        return approval_letter(
            asked,
            public_url=rules.public_url,
            link_of=link_of,
            language=language,
            is_always_sent=mail.choice is None,
        )

    async def _about_password(
        self, tx: Transaction, mail: OwnerMail, language: Language
    ) -> OwnerLetter | None:
        reset_id = mail.data["reset_id"]
        try:
            reset, _ = await password_reset.find(tx, reset_id, now_us=self._clock.now_us())
        except NotFound:
            return None
        url = self._rules.password_url(reset_id)
        return password_letter(url=url, expires_at=reset.expires_at, language=language)

    async def _about_address(
        self, tx: Transaction, mail: OwnerMail, language: Language
    ) -> OwnerLetter | None:
        verification_id, now_us = mail.data["verification_id"], self._clock.now_us()
        try:
            found = await email_verification.find(tx, verification_id, now_us=now_us)
        except NotFound:
            return None
        url = self._rules.address_url(found.id)
        return verification_letter(url=url, expires_at=found.expires_at, language=language)

    async def _invited(
        self, tx: Transaction, mail: OwnerMail, language: Language
    ) -> tuple[OwnerLetter, str] | None:
        invitation_id = mail.data["invitation_id"]
        try:
            found = await find_invitation(tx, invitation_id, now_us=self._clock.now_us())
        except NotFound:
            return None
        one = found.member
        assert one.expires_at is not None, "it is open"
        inviter = await get_account(tx, one.account_id)
        url = self._rules.invitation_url(invitation_id)
        letter = invitation_letter(
            inviter=inviter.email or inviter.id,
            expires_at=one.expires_at,
            url=url,
            language=language,
        )
        return letter, one.email


def _decide_link_of(
    rules: TopUpRules, mail: OwnerMail, person: Person
) -> Callable[[str], str] | None:
    """Return a function that makes approval links, or None if this person may not decide on the approval.

    An owner's link belongs to the approval. A colleague's link is personal, and expires with the colleague's role.
    """
    if not person.may_decide:
        return None
    if person.member_id is None:
        return rules.decide_url
    return lambda _approval_id: rules.colleague_decide_url(mail.id)


def _about_suspension(mail: OwnerMail, public_url: str, language: Language) -> OwnerLetter:
    if mail.kind == "resumed":
        return resumed_letter(public_url=public_url, language=language)
    reason = mail.data["reason"]
    return suspended_letter(reason=reason, public_url=public_url, language=language)


async def _subject_of(tx: Transaction, mail: OwnerMail) -> tuple[bool, Subscription | None]:
    if mail.kind == "past_due":
        found = (await subscription_rows.load(tx, [mail.subscription_id])).get(mail.subscription_id)
        return found is None or found.status != "past_due", found
    order_id = mail.data.get("order_id")
    if mail.data.get("reason") == "disputed":
        recharge = await recharge_rows.find(tx, Tenant(mail.account_id, mail.environment))
        return recharge is None or recharge.is_on, None
    if mail.kind == "recharge_failed" and order_id is not None:
        charge = (await recharge_rows.load_charges(tx, [order_id])).get(order_id)
        return charge is None or charge.reason is None, None
    return False, None


def mailers_of(context: Context, server: SmtpServer, mail_from: Address) -> Sequence[WokenLoop]:
    shared = (
        context.database,
        context.clock,
        context.topup_rules,
        SmtpSender(server, our_domain=mail_from.domain),
        mail_from,
        context.metrics.mails.add,
    )
    label = context.payments.providers.label
    return Mailer(*shared), OwnerMailer(*shared, label=label)
