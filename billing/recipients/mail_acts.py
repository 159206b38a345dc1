"""Recipients: manage the mail about their top-ups.

Only readers who may see codes receive a letter's text. Erasing a recipient keeps the data that the ledger or a
pending delivery needs.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final

from msgspec import Meta, Struct

from billing.engine.batch_state import BatchState, ReadSet
from billing.recipients.letter import Letter, letter_of
from billing.recipients.refusal import allow_mail, refuse_mail, refusing
from billing.topups import topup as topups
from billing.topups.mail import ROWS, Mail, Mail as Row, MailStatus
from billing.topups.rules import VOUCHER_KEY, LinkTokens, TopUpRules, sees_code
from billing.topups.settlement import OnTopUp
from billing.topups.topup import AlreadyEnded, TopUp
from billing.topups.views import RecipientMail
from billing.topups.working_set import TopUpWorkingSet, topups_of
from kernel.clock import HOUR_US, SECOND_US
from kernel.errors import DomainError, NotFound
from kernel.fields import Fields, Page, said
from kernel.shaped import Shaped
from kernel.tenant import Tenant
from kernel.words import Count, Email, Time
from keys import audit_log
from keys.act import (
    MACHINE,
    MERCHANT,
    OPERATOR,
    Act,
    ActContext,
    CallContext,
    Change,
    EngineAct,
    EnvelopeFacts,
    ListAct,
    StepsAct,
)
from keys.normalise import normalise_email
from keys.principal import Principal
from keys.vault import Vault
from store.database import Database, Transaction
from store.keyset import Begin, Keyset


class MailUnderWay(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class OutboxMail:
    mail: Mail
    letter: Letter | None


async def outbox_page(
    tx: Transaction, tenant: Tenant, *, before_id: str | None, limit: int
) -> Sequence[Mail]:
    rows = await _PAGES.page(tx, tenant, before_id=before_id, limit=limit)
    return [ROWS.read(row) for row in rows]


async def outbox_mail(
    tx: Transaction, principal: Principal, rules: TopUpRules, mail_id: str
) -> OutboxMail:
    mail = await find_mail(tx, mail_id)
    if Tenant(mail.account_id, mail.environment) != principal.tenant:
        raise NotFound("Mail")
    topup = (await topups.load(tx, [mail.transaction_id])).get(mail.transaction_id)
    if topup is None or not sees_code(principal, topup.spent_by):
        return OutboxMail(mail, None)
    row = await tx.fetch_one("SELECT name FROM accounts WHERE id = :id", id=mail.account_id)
    sender = "" if row is None else str(row["name"])
    return OutboxMail(mail, letter_of(topup, sender, rules))


async def page_of_mails(
    tx: Transaction,
    *,
    environment: str,
    status: str | None,
    address: str | None,
    before_id: Begin = None,
    limit: int,
) -> Sequence[Mail]:
    rows = await _ALL.page(
        tx,
        before_id=before_id,
        limit=limit,
        environment=environment,
        status=status,
        address=address,
    )
    return [ROWS.read(row) for row in rows]


async def queue_again(tx: Transaction, mail_id: str, *, now_us: int) -> Mail:
    changed = await tx.execute(
        """UPDATE mails SET status = 'queued', attempts = 0, next_attempt_at = :now, ended_at = NULL,
               reason = NULL
           WHERE id = :id AND status NOT IN ('queued', 'sent')""",
        now=now_us,
        id=mail_id,
    )
    mail = await find_mail(tx, mail_id)
    if changed == 0:
        raise MailUnderWay(f"The email is already {mail.status}.", reason=mail.status)
    return mail


async def find_mail(tx: Transaction, mail_id: str) -> Mail:
    row = await tx.fetch_one(f"SELECT {ROWS.listed} FROM mails WHERE id = :id", id=mail_id)
    if row is None:
        raise NotFound("Mail")
    return ROWS.read(row)


_PAGES = Keyset(ROWS.listed, "mails", "account_id = :account_id AND environment = :environment")
_ALL = Keyset(
    ROWS.listed,
    "mails",
    "environment = :environment",
    filters={"status": "status = :status", "address": "recipient_email = :address"},
)


ROWS_PER_STEP = 500


@dataclass(frozen=True, slots=True)
class Erased:
    topups: int
    mails: int


@dataclass(frozen=True, slots=True)
class FurtherSteps:
    """Functions from higher-level packages that erase a recipient. Each returns how many rows it changed."""

    payments: Callable[[Transaction], Awaitable[int]]
    requests: Callable[[Transaction, str], Awaitable[int]]


async def erase_step(tx: Transaction, address: str) -> Erased:
    """Erase at most ROWS_PER_STEP rows of each table. The caller repeats this until nothing is left."""
    mails = await tx.execute(
        """DELETE FROM mails WHERE id IN (
               SELECT id FROM mails WHERE recipient_email = :address AND status <> 'queued'
               LIMIT :limit)""",
        address=address,
        limit=ROWS_PER_STEP,
    )
    topups = await tx.execute(
        """UPDATE topups SET delivery = NULL WHERE id IN (
               SELECT id FROM topups WHERE recipient_email = :address AND delivery IS NOT NULL
                 AND status NOT IN ('pending', 'scheduled') LIMIT :limit)""",
        address=address,
        limit=ROWS_PER_STEP,
    )
    return Erased(topups, mails)


async def prune_mails(tx: Transaction, *, environment: str, before_us: int) -> int:
    return await tx.execute(
        """DELETE FROM mails WHERE id IN (
               SELECT id FROM mails
               WHERE environment = :environment AND created_at < :before_us AND status <> 'queued'
               ORDER BY id LIMIT :limit)""",
        environment=environment,
        before_us=before_us,
        limit=ROWS_PER_STEP,
    )


class MailQuery(Page, frozen=True, kw_only=True):
    status: Annotated[
        MailStatus | None,
        Meta(description="Return only mails with this status. If omitted, all."),
        said("Status"),
    ] = None
    to: Annotated[
        Email | None, Meta(description="Return only mail to this address."), said("To")
    ] = None


class Address(Fields, frozen=True, kw_only=True):
    """The address for which to stop or allow mail."""

    address: Annotated[Email, Meta(description="The email address.")]


class SentMail(Shaped, kw_only=True):
    """An email to a recipient, without its text."""

    id: Annotated[str, Meta(pattern=r"^mal_[0-9A-Za-z]+$")]
    transaction_id: Annotated[str, Meta(description="The top-up that the mail is about.")]
    recipient_email: Annotated[str, Meta(description="The recipient's address.")]
    status: MailStatus
    created_at: Time
    attempts: Annotated[Count, Meta(description="The number of attempts to send.")]
    next_attempt_at: Annotated[Time | None, Meta(description="When the next attempt is due.")]
    ended_at: Time | None
    reason: Annotated[str | None, Meta(description="The mail server's message, without addresses.")]


class MailChoice(Struct, kw_only=True):
    """Whether this installation sends mail to an address, and whether it did before the call."""

    address: Annotated[str, Meta(description="The address as it is stored.")]
    gets_mail: Annotated[bool, Meta(description="Whether this gateway sends mail to the address.")]
    was_stopped: Annotated[
        bool, Meta(description="Whether mail to the address was stopped before.")
    ]


class ErasedRecipient(Struct, kw_only=True):
    """How many of the recipient's rows were erased."""

    topups: Count = 0
    mails: Count = 0
    payments: Count = 0
    requests: Annotated[Count, Meta(description="Logged requests with the address.")] = 0


async def owner_of(tx: Transaction, mail_id: str) -> Tenant:
    found = await find_mail(tx, mail_id)
    return Tenant(found.account_id, found.environment)


async def list_mails(
    context: ActContext, asked: MailQuery, begin: Begin, limit: int
) -> Sequence[Row]:
    return await page_of_mails(
        context.tx,
        environment=context.environment,
        status=asked.status,
        address=None if asked.to is None else normalise_email(asked.to, param="to"),
        before_id=begin,
        limit=limit,
    )


async def retry_mail(context: ActContext, _asked: Fields) -> Change[Row]:
    again = await queue_again(context.tx, context.object_id, now_us=context.now_us)
    entry = audit_log.entry(
        context.by,
        "mail.retry",
        environment=again.environment,
        subject_id=again.id,
        after={"by": context.person},
        now_us=context.now_us,
    )
    await audit_log.record(context.tx, [entry])
    return Change(after=again)


async def stop_mail(context: ActContext, asked: Address) -> Change[MailChoice]:
    address, digest = await _digested(context, asked)
    was_stopped = bool(await refusing(context.tx, [digest]))
    await refuse_mail(context.tx, digest, now_us=context.now_us)
    return Change(after=MailChoice(address=address, gets_mail=False, was_stopped=was_stopped))


async def let_mail(context: ActContext, asked: Address) -> Change[MailChoice]:
    address, digest = await _digested(context, asked)
    was_stopped = await allow_mail(context.tx, digest)
    return Change(after=MailChoice(address=address, gets_mail=True, was_stopped=was_stopped))


async def erase_recipient(context: CallContext, asked: Address) -> ErasedRecipient:
    address = normalise_email(asked.address, param="address")
    database, further = context.service(Database), context.service(FurtherSteps)  # type: ignore[type-abstract]
    erased = ErasedRecipient()
    while True:
        step = await database.transaction(partial(erase_step, address=address))
        payments = await database.transaction(further.payments)
        requests = await database.transaction(lambda tx: further.requests(tx, address))
        if step == Erased(0, 0) and not payments and not requests:
            return erased
        erased.topups += step.topups
        erased.mails += step.mails
        erased.payments += payments
        erased.requests += requests


async def _digested(context: ActContext, asked: Address) -> tuple[str, str]:
    address = normalise_email(asked.address, param="address")
    vault = context.service(Vault)
    key = await vault.data_key(context.tx, VOUCHER_KEY, now_us=context.now_us)
    return address, LinkTokens(key).digest_of(address)


LIST_MAIL = ListAct(
    name="mail.list",
    summary="List mail to recipients",
    path="/mail",
    audience=(OPERATOR,),
    query=MailQuery,
    run=list_mails,
    result=SentMail,
    prefix="mal",
    is_catalogue=True,
    columns=("id", "recipient_email", "status", "attempts", "reason", "created_at"),
    examples=("topup mail list --environment live --status bounced",),
)
RETRY_MAIL = Act(
    name="mail.retry",
    summary="Try again to send a mail that bounced, failed or was held back",
    path="/mail/{mail_id}/retry",
    audience=(OPERATOR,),
    input=Fields,
    run=retry_mail,
    result=SentMail,
    refuses=(MailUnderWay,),
    owner_of=owner_of,
    names_person=True,
    audit=None,
    examples=("topup mail retry mal_4Kp1 --by ana",),
)
STOP_MAIL = Act(
    name="mail.stop",
    undo="mail.allow",
    summary="Send no more mail to an address",
    description="Use this for an address that bounced or complained. It applies to all accounts and "
    "both environments.",
    path="/mail/stop",
    audience=(OPERATOR,),
    input=Address,
    run=stop_mail,
    result=MailChoice,
    is_catalogue=True,
    is_account_wide=True,
    audit=None,
    examples=("topup mail stop --address user@example.com",),
)
ALLOW_MAIL = Act(
    name="mail.allow",
    undo="mail.stop",
    summary="Send mail to an address again",
    path="/mail/allow",
    audience=(OPERATOR,),
    input=Address,
    run=let_mail,
    result=MailChoice,
    is_catalogue=True,
    is_account_wide=True,
    audit=None,
    examples=("topup mail allow --address user@example.com",),
)
# This runs only on the gateway's machine, because an HTTP call would log the address again.
ERASE_RECIPIENT = StepsAct(
    name="mail.erase",
    summary="Erase what is stored about a recipient",
    description="The ledger's rows remain.",
    path="/mail/erase",
    audience=(MACHINE,),
    input=Address,
    run=erase_recipient,
    result=ErasedRecipient,
    is_catalogue=True,
    is_account_wide=True,
    asks="Erase what is stored about {address}? That can't be undone.",
    examples=("topup mail erase --address user@example.com --yes",),
)
ACTS = (LIST_MAIL, RETRY_MAIL, STOP_MAIL, ALLOW_MAIL, ERASE_RECIPIENT)


_WAIT_S = HOUR_US // SECOND_US


class NotYetDelivered(DomainError):
    pass


class MailLimitReached(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class Resent:
    topup: TopUp
    mail: Mail


@dataclass(frozen=True, slots=True)
class Resend(OnTopUp):
    def declare(self, read_set: ReadSet) -> None:
        OnTopUp.declare(self, read_set)
        read_set.working_set(TopUpWorkingSet).mailed_ids.add(self.topup_id)

    def decide(self, state: BatchState) -> Resent:
        topup, topups = self._topup(state), topups_of(state)
        facts = {"transaction_id": topup.id, "status": topup.status}
        if topup.status in {"pending", "scheduled"}:
            raise NotYetDelivered(
                "The top-up isn't delivered yet. A requested email will be sent automatically after delivery.",
                param="transaction_id",
                reason="not_delivered",
                extra=facts,
            )
        if topup.status != "delivered":
            raise AlreadyEnded(f"The top-up is {topup.status}, so no email is sent.", extra=facts)
        before = topups.mails.queued_of(topup.id)
        if before is not None:
            return Resent(topup, before)
        if topups.mails.is_limited(topup):
            raise MailLimitReached(
                "This account or recipient has reached its limit of emails in 24 hours.",
                reason="mail_limit",
                retry_after_s=_WAIT_S,
                extra=facts,
            )
        return Resent(topup, topups.write_mail(topup, state.now_us))


async def resend(context: CallContext, _asked: Fields) -> Resend:
    return Resend(context.object_id, context.tenant)


RESEND: Final = EngineAct(
    name="topups.resend",
    summary="Send the recipient's mail once more",
    description="The mail goes to the top-up's recipient, with the link to the claim page. While a mail is being"
    " sent, no second one is queued. It counts toward the limits of mail in 24 hours.",
    path="/topup/{transaction_id}/resend",
    scopes=("topup:send",),
    audience=(MERCHANT,),
    input=Fields,
    command=resend,
    view=lambda resent: RecipientMail.of(resent.mail),
    result=RecipientMail,
    refuses=(NotYetDelivered, NotFound, AlreadyEnded, MailLimitReached),
    told=lambda resent, _: EnvelopeFacts(resent.topup.id, resent.topup.status),
    examples=("topup topups resend txn_4Kp1",),
)
