"""The letters to an owner who requested a new password, and after it was changed."""

from typing import Final

from billing.recipients.language import Language
from billing.recipients.owner_message import OwnerLetter

SIGN_IN_PATH: Final = "/sign-in"
FORGOT_PATH: Final = "/forgot-password"


def password_letter(*, url: str, expires_at: int, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Choose a new password"),
        (
            say("Somebody asked for a new password for the account with this address."),
            say("The link counts once, until {when}.", when=language.moment(expires_at)),
        ),
        say("Choose a new password"),
        url,
        say("If it was not you, do nothing: your password stays as it is."),
    )


def changed_letter(*, changed_at: int, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("Your password was changed"),
        (
            say("The password was changed at {when}.", when=language.moment(changed_at)),
            say("Other browsers are signed out. Keys and connected programs work as before."),
        ),
        say("Sign in"),
        f"{public_url}{SIGN_IN_PATH}",
        say("If it was not you, choose a new one at once on this page:"),
        f"{public_url}{FORGOT_PATH}",
    )
