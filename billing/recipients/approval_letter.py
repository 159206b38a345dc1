"""The letter to an account's people about sends that wait for a decision.

A link that decides goes only to people whose role may decide.
"""

from collections.abc import Callable, Sequence
from typing import Final

from billing.recipients.language import Language
from billing.recipients.owner_message import ACCOUNT_PATH, OwnerLetter
from billing.topups.queries import AskedApproval

APPROVALS_PATH: Final = "/dashboard/approvals"
TEAM_PATH: Final = "/dashboard/team"


def approval_letter(
    asked: Sequence[AskedApproval],
    *,
    public_url: str,
    link_of: Callable[[str], str] | None,
    language: Language,
    is_always_sent: bool = False,
) -> OwnerLetter:
    """Return the letter about at least one waiting send. link_of: the deciding page by approval ID; null: the
    reader may not decide. is_always_sent: can't be switched off.
    """
    if link_of is None:
        return _seen(asked, f"{public_url}{APPROVALS_PATH}", language)
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
        # The page goes by the browser's languages, but the owner chose this one.
        url = f"{link_of(one.id)}?lang={language.tag}"
    else:
        subject = say("{count} sends wait for you", count=language.count(len(asked)))
        happened = (
            say(
                "{count} sends of {amount} in all wait for your decision.",
                count=language.count(len(asked)),
                amount=language.money(_total(asked)),
            ),
        )
        button, url = say("Decide on the page of approvals"), f"{public_url}{APPROVALS_PATH}"
    after, path = say("You can switch mail of this kind off on this page:"), ACCOUNT_PATH
    if is_always_sent:
        after, path = say("End whatever else they made under Team in your dashboard:"), TEAM_PATH
    return OwnerLetter(language, subject, happened, button, url, after, f"{public_url}{path}")


def _seen(asked: Sequence[AskedApproval], url: str, language: Language) -> OwnerLetter:
    say = language.say
    if len(asked) == 1:
        subject = say(
            "{amount} for {recipient} waits for a decision",
            amount=language.money(asked[0].topup.charged_cents),
            recipient=asked[0].topup.recipient_email,
        )
        happened = _told(asked[0], language)
    else:
        subject = say("{count} sends wait for a decision", count=language.count(len(asked)))
        happened = (
            say(
                "{count} sends of {amount} in all wait for a decision.",
                count=language.count(len(asked)),
                amount=language.money(_total(asked)),
            ),
        )
    after = say("You can switch mail of this kind off on this page:")
    return OwnerLetter(
        language, subject, happened, say("Look at the page of approvals"), url, after
    )


def _total(asked: Sequence[AskedApproval]) -> int:
    return sum(one.topup.charged_cents for one in asked)


def _told(one: AskedApproval, language: Language) -> tuple[str, ...]:
    say, topup = language.say, one.topup
    known = {
        "amount": language.money(topup.charged_cents),
        "platform": topup.platform,
        "recipient": topup.recipient_email,
    }
    if one.approval.reason == "sender_left":
        asks = say(
            "{sender} asked to send {amount} of {platform} credit to {recipient}, and has lost the access to"
            " your account since.",
            sender=one.sender_email or say("A token of yours"),
            **known,
        )
    elif one.key_name is None:
        asks = say("{amount} of {platform} credit is to be sent to {recipient}.", **known)
    else:
        asks = say(
            "{key} asks to send {amount} of {platform} credit to {recipient}.",
            key=one.key_name,
            **known,
        )
    when = language.moment(one.approval.expires_at)
    return asks, say("Nobody is charged unless you approve it by {when}.", when=when)
