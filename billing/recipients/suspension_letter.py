"""The letters to an owner whose account was suspended or resumed."""

from billing.recipients.language import Language
from billing.recipients.owner_message import OwnerLetter


def suspended_letter(*, reason: str, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Your account is suspended"),
        (
            say("Whoever runs this service suspended your account: {reason}", reason=reason),
            say(
                "Nothing can be sent, bought or made until it is resumed. You can sign in and read."
            ),
        ),
        say("Look at the account"),
        f"{public_url}/dashboard",
        say("Whoever runs this service answers your questions about it."),
    )


def resumed_letter(*, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Your account goes on"),
        (say("Your account is no longer suspended: everything works as before."),),
        say("Look at the account"),
        f"{public_url}/dashboard",
        say("What had failed meanwhile is not sent by itself: send it again."),
    )
