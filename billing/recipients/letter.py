"""Render mail to recipients and to people with access to an account. An email is always rendered as the same bytes.

A recipient's letter omits the code, because mail can be read in transit and is stored for years. Each URL has its own
line, away from right-to-left text.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP, Policy
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, Final, cast

from billing.recipients.language import Language, english, nearest
from billing.recipients.mailing import ClaimedMail
from billing.recipients.owner_mail import OwnerMail
from billing.recipients.refusal import NO_MAIL_PATH
from billing.topups.mail import Mail
from billing.topups.platform import InvalidPlatform
from billing.topups.rules import TopUpRules
from billing.topups.topup import TopUp
from kernel.clock import SECOND_US

if TYPE_CHECKING:
    from jinja2 import Template

_ENCODED: Final = "=?"
_WORD_CHARACTERS_MAX: Final = 60


class _Written:
    """A header value that is not parsed. The standard library would decode an encoded word (RFC 2047), and a
    name could then inject a header.
    """

    max_count = 1

    @staticmethod
    def parse(value: str, kwds: dict[str, Any]) -> None:
        kwds.update(decoded=value, parse_tree=None)


class _OneLine(_Written):
    def fold(self: Any, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


class _Words(_Written):
    """A header whose text is folded. Text that isn't plain ASCII is encoded."""

    def fold(self: Any, *, policy: Policy) -> str:
        text = str(self)
        longest = max(map(len, text.split(" ")))
        is_plain = text.isascii() and _ENCODED not in text and longest <= _WORD_CHARACTERS_MAX
        written = Header(text, "us-ascii" if is_plain else "utf-8", header_name=self.name)
        return f"{self.name}: {written.encode(linesep=policy.linesep)}{policy.linesep}"


def _registry() -> HeaderRegistry:
    made = HeaderRegistry()
    for name, kind in (("list-unsubscribe", _OneLine), ("to", _OneLine), ("subject", _Words)):
        made.map_to_type(name, cast(Any, kind))
    return made


MAIL_POLICY: Final = SMTP.clone(header_factory=_registry())


ACCOUNT_PATH: Final = "/dashboard/account"
_BODY: Final = (
    "margin:0;padding:24px 12px;background:#f4f5f7;color:#17191c;font:16px/1.5 sans-serif"
)
_SHEET: Final = (
    "max-width:480px;margin:0 auto;padding:28px 24px;background:#ffffff;border:1px solid #d8dce1"
)
_BUTTON: Final = (
    "display:block;padding:12px 16px;border-radius:8px;background:#1d5fd0;color:#ffffff;"
    "text-align:center;text-decoration:none"
)


@dataclass(frozen=True, slots=True)
class Listed:
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class OwnerLetter:
    language: Language
    subject: str
    happened: tuple[str, ...]
    button: str
    url: str
    after: str
    after_url: str | None = None
    listed: tuple[Listed, ...] = ()
    more: int = 0
    account: str | None = None


def owner_message(
    mail: OwnerMail,
    letter: OwnerLetter,
    *,
    address: str,
    mail_from: Address,
    no_mail_url: str | None = None,
) -> EmailMessage:
    is_test = mail.environment == "staging"
    text, html = _text(letter, is_test=is_test), _html(letter, is_test=is_test)
    rendered = Letter(letter.language, letter.subject, text, html, no_mail_url)
    return message_of(mail, rendered, mail_from, address=address)


def _told(letter: OwnerLetter, *, is_test: bool) -> list[str]:
    say = letter.language.say
    told = [say("This is a test: no money is involved.")] if is_test else []
    if letter.account is not None:
        told.append(say("This is about the account {account}.", account=letter.account))
    # Chinese has no spaces between sentences.
    return [*told, ("" if letter.language.tag == "zh" else " ").join(letter.happened)]


def _more(letter: OwnerLetter) -> str:
    language = letter.language
    return (
        language.say("And {count} more.", count=language.count(letter.more)) if letter.more else ""
    )


def _text(letter: OwnerLetter, *, is_test: bool) -> str:
    parts = _told(letter, is_test=is_test) + [f"- {one.text}\n  {one.url}" for one in letter.listed]
    parts += [*filter(None, [_more(letter)]), f"{letter.button}:\n{letter.url}", letter.after]
    if letter.after_url is not None:
        parts[-1] += f"\n{letter.after_url}"
    return "\n\n".join(parts) + "\n"


def _html(letter: OwnerLetter, *, is_test: bool) -> str:
    before = "".join(f"<p>{escape(one)}</p>" for one in _told(letter, is_test=is_test))
    url, language = escape(letter.url), letter.language
    after = "" if letter.after_url is None else f"<br>{_address(letter.after_url)}"
    return (
        f'<!doctype html><html lang="{language.tag}" dir="{language.direction}">'
        f'<head><meta charset="utf-8"><title>{escape(letter.subject)}</title></head>'
        f'<body style="{_BODY}"><div style="{_SHEET}">{before}{_list(letter)}'
        f'<p><a href="{url}" style="{_BUTTON}">{escape(letter.button)}</a></p>'
        f'<p style="overflow-wrap:anywhere">{_address(letter.url)}</p>'
        f'<p style="overflow-wrap:anywhere">{escape(letter.after)}{after}</p></div></body></html>\n'
    )


def _list(letter: OwnerLetter) -> str:
    items = "".join(
        f'<li style="overflow-wrap:anywhere;margin-bottom:8px">{escape(one.text)}'
        f'<br><a href="{escape(one.url)}">{_address(one.url)}</a></li>'
        for one in letter.listed
    )
    more = f"<p>{escape(_more(letter))}</p>" if letter.more else ""
    return f"<ul>{items}</ul>{more}" if items else ""


def _address(url: str) -> str:
    return f'<span dir="ltr">{escape(url)}</span>'


@dataclass(frozen=True, slots=True)
class Letter:
    language: Language
    subject: str
    text: str
    html: str
    no_mail_url: str | None


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


def message_of(
    mail: Mail | OwnerMail, letter: Letter, mail_from: Address, *, address: str
) -> EmailMessage:
    message = EmailMessage(policy=MAIL_POLICY)
    message["From"] = mail_from
    message["To"] = address
    message["Subject"] = letter.subject
    message["Date"] = datetime.fromtimestamp(mail.created_at // SECOND_US, UTC)
    message["Message-ID"] = f"<{mail.id}@{mail_from.domain}>"
    # This header prevents automatic replies, such as holiday notices.
    message["Auto-Submitted"] = "auto-generated"
    if letter.no_mail_url is not None:
        message["List-Unsubscribe"] = f"<{letter.no_mail_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    # Set the header last, because set_content would move it into the parts.
    message["Content-Language"] = letter.language.tag
    message.set_boundary(f"=_{mail.id}")
    return message


def claimed_message(claimed: ClaimedMail, rules: TopUpRules, mail_from: Address) -> EmailMessage:
    assert claimed.topup is not None, "a mail is about a top-up that exists"
    letter = letter_of(claimed.topup, claimed.sender, rules)
    return message_of(claimed.mail, letter, mail_from, address=claimed.mail.recipient_email)


def platform_name(rules: TopUpRules, topup: TopUp) -> str:
    try:
        return rules.platforms.of(topup.environment).find(topup.platform).name
    except InvalidPlatform:
        return topup.platform


@cache
def _template(name: str) -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 only mail needs it

    made = Environment(
        loader=PackageLoader("billing.recipients", "templates"),
        autoescape=name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return made.get_template(name)
