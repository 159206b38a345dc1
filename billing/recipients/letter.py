"""The mail to a recipient: who sent what, the sender's message, and the claim link.

One row makes the same bytes, so a repeat is recognised. People's text is encoded in headers and escaped in
HTML. The code isn't in it: mail is read on the way and stored for years.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from billing.recipients.language import Language, english, nearest
from billing.recipients.mailing import ClaimedMail
from billing.recipients.owner_message import MAIL_POLICY
from billing.recipients.refusal import NO_MAIL_PATH
from billing.topups.mail import Mail
from billing.topups.platform import InvalidPlatform
from billing.topups.rules import TopUpRules
from billing.topups.topup import TopUp
from kernel.clock import SECOND_US


@dataclass(frozen=True, slots=True)
class Letter:
    language: Language
    subject: str
    text: str
    html: str
    no_mail_url: str


def letter_of(topup: TopUp, sender: str, rules: TopUpRules) -> Letter:
    options = topup.delivery
    language = (nearest(options.locale) if options is not None else None) or english()
    say = language.say
    known = {
        "sender": sender,
        "amount": language.money(topup.amount_cents),
        "platform": platform_name(rules, topup),
    }
    no_mail_url = f"{rules.public_url}{NO_MAIL_PATH}/{rules.links.token_of('mail', topup.id)}"
    values = {
        "language": language,
        "say": say,
        "known": known,
        "message": None if options is None else options.message,
        "is_test": topup.environment == "staging",
        "claim_url": rules.claim_url(topup.id),
        "no_mail_url": no_mail_url,
        "brand": rules.brand,
    }
    return Letter(
        language,
        say("{sender} sent you {amount} for {platform}", **known),
        _template("mail.txt").render(values),
        _template("mail.html").render(values),
        no_mail_url,
    )


def message_of(mail: Mail, letter: Letter, mail_from: Address) -> EmailMessage:
    message = EmailMessage(policy=MAIL_POLICY)
    message["From"] = mail_from
    message["To"] = mail.recipient_email  # ASCII without spaces, as it was taken in
    message["Subject"] = letter.subject
    message["Date"] = datetime.fromtimestamp(mail.created_at // SECOND_US, UTC)
    message["Message-ID"] = f"<{mail.id}@{mail_from.domain}>"
    # So that no holiday notice answers it.
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{letter.no_mail_url}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    # After the content, which moves headers of this name into its parts.
    message["Content-Language"] = letter.language.tag
    message.set_boundary(f"=_{mail.id}")
    return message


def claimed_message(claimed: ClaimedMail, rules: TopUpRules, mail_from: Address) -> EmailMessage:
    assert claimed.topup is not None, "a mail is about a top-up that exists"
    letter = letter_of(claimed.topup, claimed.sender, rules)
    return message_of(claimed.mail, letter, mail_from)


def platform_name(rules: TopUpRules, topup: TopUp) -> str:
    try:
        return rules.platforms.of(topup.environment).find(topup.platform).name
    except InvalidPlatform:
        return topup.platform


@cache
def _template(name: str) -> Template:
    made = Environment(
        loader=PackageLoader("billing.recipients", "templates"),
        autoescape=name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return made.get_template(name)
