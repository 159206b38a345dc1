"""What an account's owner reads of sends that wait for a decision. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

from billing.recipients.language import Language
from billing.recipients.owner_message import ACCOUNT_PATH, OwnerLetter
from billing.topups.queries import AskedApproval

APPROVALS_PATH: Final = "/dashboard/approvals"


def approval_letter(
    asked: Sequence[AskedApproval],
    *,
    public_url: str,
    link_of: Callable[[str], str],
    language: Language,
) -> OwnerLetter:
    """asked: those that wait still, at least one; link_of: the page that decides, by an approval's id."""
    say = language.say
    if len(asked) == 1:
        (one,) = asked
        subject = say(
            "{amount} for {recipient} waits for you",
            amount=language.money(one.topup.charged_cents),
            recipient=one.topup.recipient_email,
        )
        happened = (*_told(one, language), say("Whoever has this link can decide, once."))
        button = say("Approve or deny")
        # The page goes by the browser's languages; the owner chose this one.
        url = f"{link_of(one.id)}?lang={language.tag}"
    else:
        total = sum(one.topup.charged_cents for one in asked)
        subject = say("{count} sends wait for you", count=language.count(len(asked)))
        happened = (
            say(
                "{count} sends of {amount} in all wait for your decision.",
                count=language.count(len(asked)),
                amount=language.money(total),
            ),
        )
        button, url = say("Decide on the page of approvals"), f"{public_url}{APPROVALS_PATH}"
    return OwnerLetter(
        language,
        subject,
        happened,
        button,
        url,
        say("You can switch mail of this kind off on this page:"),
        f"{public_url}{ACCOUNT_PATH}",
    )


def _told(one: AskedApproval, language: Language) -> tuple[str, ...]:
    say, topup = language.say, one.topup
    known = {
        "amount": language.money(topup.charged_cents),
        "platform": topup.platform,
        "recipient": topup.recipient_email,
    }
    if one.key_name is None:
        asks = say("{amount} of {platform} credit is to be sent to {recipient}.", **known)
    else:
        asks = say(
            "{key} asks to send {amount} of {platform} credit to {recipient}.",
            key=one.key_name,
            **known,
        )
    when = language.moment(one.approval.expires_at)
    return asks, say("Nobody is charged unless you approve it by {when}.", when=when)
