"""The letter that invites somebody to act for an account.

It names only the inviter's address: an account's name is free text that a stranger could use as mail.
"""

from billing.recipients.language import Language
from billing.recipients.owner_message import OwnerLetter


def invitation_letter(
    *, inviter: str, expires_at: int, url: str, language: Language
) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("{inviter} invites you to their account", inviter=inviter),
        (
            say("{inviter} invites you to act for their account of AI credit.", inviter=inviter),
            say(
                "The link counts once, until {when}, for whoever signs in with this address.",
                when=language.moment(expires_at),
            ),
        ),
        say("Look at the invitation"),
        url,
        say("If you do not know who that is, do nothing: you join nothing without this link."),
    )
