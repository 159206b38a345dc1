"""Recipients' mail for operators: its outcome, one more try, and addresses that get none."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from billing.recipients import outbox
from billing.recipients.erasure import Erased, FurtherSteps, erase_step
from billing.recipients.outbox import MailUnderWay
from billing.recipients.refusal import allow_mail, refuse_mail, refusing
from billing.topups.mail import Mail as Row, MailStatus
from billing.topups.rules import VOUCHER_KEY, LinkTokens
from kernel.fields import Fields, Page, said
from kernel.shaped import Shaped
from kernel.tenant import Tenant
from kernel.words import Count, Email, Time
from keys import audit_log
from keys.act import (
    MACHINE,
    OPERATOR,
    Act,
    ActContext,
    CallContext,
    Change,
    ListAct,
    StepsAct,
)
from keys.normalise import normalise_email
from keys.vault import Vault
from store.database import Database, Transaction
from store.keyset import Begin


class MailQuery(Page, frozen=True, kw_only=True):
    status: Annotated[
        MailStatus | None, Meta(description="Only these; left out: all."), said("Status")
    ] = None
    to: Annotated[Email | None, Meta(description="Only mail to this address."), said("To")] = None


class Address(Fields, frozen=True, kw_only=True):
    """The address whose mail is stopped or allowed."""

    address: Annotated[Email, Meta(description="An address, such as one that complained.")]


class SentMail(Shaped, kw_only=True):
    """A mail to a recipient, without its text."""

    id: Annotated[str, Meta(pattern=r"^mal_[0-9A-Za-z]+$")]
    transaction_id: Annotated[str, Meta(description="The top-up that it is about.")]
    recipient_email: Annotated[str, Meta(description="Where it goes.")]
    status: MailStatus
    created_at: Time
    attempts: Annotated[Count, Meta(description="How often it was tried.")]
    next_attempt_at: Annotated[Time | None, Meta(description="When it is due; null: never again.")]
    ended_at: Time | None
    reason: Annotated[str | None, Meta(description="What the mail server said, without addresses.")]


class MailChoice(Struct, kw_only=True):
    """Whether an address gets mail from this installation, now and before."""

    address: Annotated[str, Meta(description="As it is stored.")]
    gets_mail: Annotated[bool, Meta(description="From any account of this installation.")]
    was_stopped: Annotated[bool, Meta(description="Whether it got none before.")]


class ErasedRecipient(Struct, kw_only=True):
    """How many rows were erased."""

    topups: Count = 0
    mails: Count = 0
    payments: Count = 0
    requests: Annotated[Count, Meta(description="Logged requests with the address.")] = 0


async def owner_of(tx: Transaction, mail_id: str) -> Tenant:
    found = await outbox.find_mail(tx, mail_id)
    return Tenant(found.account_id, found.environment)


async def list_mails(
    context: ActContext, asked: MailQuery, begin: Begin, limit: int
) -> Sequence[Row]:
    return await outbox.list_mails(
        context.tx,
        environment=context.environment,
        status=asked.status,
        address=None if asked.to is None else normalise_email(asked.to, param="to"),
        before_id=begin,
        limit=limit,
    )


async def retry_mail(context: ActContext, _asked: Fields) -> Change[Row]:
    again = await outbox.retry_mail(context.tx, context.object_id, now_us=context.now_us)
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
    """Return the address, and its digest on the list of those that want no mail."""
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
    description="For an address that bounced or complained. Applies to all accounts and both "
    "environments.",
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
# On the machine alone: a call over HTTP would log the address again.
ERASE_RECIPIENT = StepsAct(
    name="mail.erase",
    summary="Erase what is stored about a recipient",
    description="The ledger's rows stay.",
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
