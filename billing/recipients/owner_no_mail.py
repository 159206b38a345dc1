"""The link by which an owner ends mail of one kind without signing in, and allows it again.

Invariant: a link is bound to one account and one kind of mail, so it changes nothing else; no link is stored.
Mail about payments that failed, invitations and passwords has none: it is always sent.
"""

from collections.abc import Mapping
from typing import Final

from billing.recipients.letter import NO_MAIL_PATH
from billing.recipients.owner_mail import OwnerMail, OwnerMailKind
from billing.topups.link_tokens import LinkPurpose, LinkTokens
from billing.topups.rules import TopUpRules
from keys.mail_choice import MailChoice

_CHOICES: Final[Mapping[OwnerMailKind, MailChoice]] = {
    "credit_expiring": "expiring",
    "receipt": "receipt",
    "approval": "approval",
}
_PURPOSES: Final[Mapping[MailChoice, LinkPurpose]] = {
    "expiring": "no_expiring",
    "receipt": "no_receipt",
    "approval": "no_approval",
}


def no_mail_token(links: LinkTokens, mail: OwnerMail) -> str | None:
    """What stands in the link of this mail; None for a kind that is always sent."""
    choice = _CHOICES.get(mail.kind)
    return None if choice is None else links.token_of(_PURPOSES[choice], mail.account_id)


def no_mail_url(rules: TopUpRules, mail: OwnerMail) -> str | None:
    """The page that ends mail of this kind; None for a kind that is always sent."""
    token = no_mail_token(rules.links, mail)
    return None if token is None else f"{rules.public_url}{NO_MAIL_PATH}/{token}"


def choice_of_token(links: LinkTokens, token: str) -> tuple[str, MailChoice] | None:
    """The account and the kind of mail that a token would be of; None for one that was never given out."""
    for choice, purpose in _PURPOSES.items():
        account_id = links.id_of(purpose, token)
        if account_id is not None:
            return account_id, choice
    return None
