"""Links by which a person stops or allows one kind of mail about an account, without signing in.

A link is bound to one person, account and kind of mail; none is stored. An owner's is made from the account's
ID, a colleague's from the membership's. Mail that is always sent has none: failed payments, invitations,
passwords, addresses, and sends of somebody who lost access.
"""

from collections.abc import Mapping
from typing import Final

from billing.recipients.letter import NO_MAIL_PATH
from billing.recipients.owner_mail import OwnerMail
from billing.topups.rules import LinkPurpose, LinkTokens, TopUpRules
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
    """Return the token of this mail's link; None for a kind that is always sent."""
    choice = mail.choice
    if choice is None:
        return None
    if mail.member_id is not None:
        return links.token_of(_OF_MEMBERS[choice], mail.member_id)
    return links.token_of(_PURPOSES[choice], mail.account_id)


def no_mail_url(rules: TopUpRules, mail: OwnerMail) -> str | None:
    """Return the page that stops this kind; None for a kind that is always sent."""
    token = no_mail_token(rules.links, mail)
    return None if token is None else f"{rules.public_url}{NO_MAIL_PATH}/{token}"


def choice_of_token(links: LinkTokens, token: str) -> tuple[str, Notification] | None:
    """Return the account's or membership's ID and the kind of mail; None for an unknown token."""
    for purposes in (_PURPOSES, _OF_MEMBERS):
        for choice, purpose in purposes.items():
            subject_id = links.id_of(purpose, token)
            if subject_id is not None:
                return subject_id, choice
    return None
