"""The link by which a person stops one kind of mail about an account without signing in, and allows it again.

A link is bound to one person, one account and one kind of mail, so it changes nothing else; no link is
stored. An owner's is made from the account's id, a colleague's from their membership's. Mail about failed
payments, invitations, passwords, addresses and the sends of somebody who lost their access has none: it is
always sent.
"""

from collections.abc import Mapping
from typing import Final

from billing.recipients.letter import NO_MAIL_PATH
from billing.recipients.owner_mail import OwnerMail
from billing.topups.link_tokens import LinkPurpose, LinkTokens
from billing.topups.rules import TopUpRules
from keys.notifications import Notification

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
    """Return the token in this mail's link; None for a kind that is always sent."""
    choice = mail.choice
    if choice is None:
        return None
    if mail.member_id is not None:
        return links.token_of(_OF_MEMBERS[choice], mail.member_id)
    return links.token_of(_PURPOSES[choice], mail.account_id)


def no_mail_url(rules: TopUpRules, mail: OwnerMail) -> str | None:
    """Return the page that stops mail of this kind; None for a kind that is always sent."""
    token = no_mail_token(rules.links, mail)
    return None if token is None else f"{rules.public_url}{NO_MAIL_PATH}/{token}"


def choice_of_token(links: LinkTokens, token: str) -> tuple[str, Notification] | None:
    """Return whose link the token is, by the account's or the membership's id, and its kind of mail.

    None for one that was never given out.
    """
    for purposes in (_PURPOSES, _OF_MEMBERS):
        for choice, purpose in purposes.items():
            subject_id = links.id_of(purpose, token)
            if subject_id is not None:
                return subject_id, choice
    return None
