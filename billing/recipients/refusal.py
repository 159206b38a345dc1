"""Stop all mail to an address, or one kind of mail to a person.

Addresses are stored as keyed digests. A stopped address gets no mail from any account, because the recipient may not
know the other accounts.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from billing.recipients.owner_mail import OwnerMail
from billing.topups.rules import LinkPurpose, LinkTokens, TopUpRules
from keys.notifications import Notification
from store.database import Transaction

NO_MAIL_PATH: Final = "/no-mail"


async def refuse_mail(tx: Transaction, digest: str, *, now_us: int) -> None:
    await tx.insert(
        "mail_refusals",
        ("digest", "created_at"),
        [(digest, now_us)],
        on_conflict="ON CONFLICT DO NOTHING",
    )


async def allow_mail(tx: Transaction, digest: str) -> bool:
    return await tx.execute("DELETE FROM mail_refusals WHERE digest = :digest", digest=digest) > 0


async def refusing(tx: Transaction, digests: Iterable[str]) -> frozenset[str]:
    wanted = sorted(set(digests))
    if not wanted:
        return frozenset()
    rows = await tx.fetch(
        "SELECT digest FROM mail_refusals WHERE digest IN :digests[text]", digests=wanted
    )
    return frozenset(str(row["digest"]) for row in rows)


_PURPOSES: Final[Mapping[Notification, LinkPurpose]] = {
    "expiring": "no_expiring",
    "receipt": "no_receipt",
    "approval": "no_approval",
    "webhook": "no_webhook",
    "balance": "no_balance",
    "key": "no_key",
}
_OF_MEMBERS: Final[Mapping[Notification, LinkPurpose]] = {
    "expiring": "member_no_expiring",
    "receipt": "member_no_receipt",
    "approval": "member_no_approval",
    "webhook": "member_no_webhook",
    "balance": "member_no_balance",
    "key": "member_no_key",
}


def no_mail_token(links: LinkTokens, mail: OwnerMail) -> str | None:
    choice = mail.choice
    if choice is None:
        return None
    if mail.member_id is not None:
        return links.token_of(_OF_MEMBERS[choice], mail.member_id)
    return links.token_of(_PURPOSES[choice], mail.account_id)


def no_mail_url(rules: TopUpRules, mail: OwnerMail) -> str | None:
    token = no_mail_token(rules.links, mail)
    return None if token is None else f"{rules.public_url}{NO_MAIL_PATH}/{token}"


def choice_of_token(links: LinkTokens, token: str) -> tuple[str, Notification] | None:
    for purposes in (_PURPOSES, _OF_MEMBERS):
        for choice, purpose in purposes.items():
            subject_id = links.id_of(purpose, token)
            if subject_id is not None:
                return subject_id, choice
    return None
