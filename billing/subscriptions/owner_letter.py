"""What an account's owner reads of a plan that was not paid, of a recharge that failed, and of credit that
ends: what happened, what becomes of it by itself, and which page helps. Pure.

Promise: the same row makes the same bytes; what people wrote stands in HTML only escaped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import Any, Final

from billing.recharges.recharge import FAILURES_MAX
from billing.recipients.owner_mail import OwnerMail
from billing.subscriptions.subscription import Subscription
from kernel.clock import SECOND_US, rfc3339

PLAN_PATH: Final = "/dashboard/plan"
RECHARGE_PATH: Final = "/dashboard/recharge"
WALLET_PATH: Final = "/dashboard"
ACCOUNT_PATH: Final = "/dashboard/account"
_TEST: Final = "This is a test: no money is involved."
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
class OwnerLetter:
    """The words of one mail. button: what is to be done at url, in a few words."""

    subject: str
    paragraphs: tuple[str, ...]
    button: str
    url: str
    after: str


def owner_letter(
    mail: OwnerMail, one: Subscription | None, *, public_url: str, label: Callable[[str], str]
) -> OwnerLetter:
    """one: the subscription that it is about, of a plan that was not paid; label: a provider's name as
    people know it.
    """
    if mail.kind == "recharge_failed":
        return _of_recharge(mail.data, public_url)
    if mail.kind == "credit_expiring":
        return _of_credit(mail.data, public_url)
    assert one is not None, "such a mail is about a subscription"
    return _of_plan(one, public_url, label(one.provider))


def owner_message(
    mail: OwnerMail, letter: OwnerLetter, *, address: str, mail_from: Address
) -> EmailMessage:
    """The mail; the same bytes for each try."""
    message = EmailMessage(policy=SMTP)
    message["From"] = mail_from
    message["To"] = address
    message["Subject"] = letter.subject
    message["Date"] = datetime.fromtimestamp(mail.created_at // SECOND_US, UTC)
    message["Message-ID"] = f"<{mail.id}@{mail_from.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    is_test = mail.environment == "staging"
    message.set_content(_text(letter, is_test=is_test), cte="quoted-printable")
    message.add_alternative(_html(letter, is_test=is_test), subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{mail.id}")
    return message


def _text(letter: OwnerLetter, *, is_test: bool) -> str:
    first = (_TEST,) if is_test else ()
    button = f"{letter.button}:\n{letter.url}"
    return "\n\n".join([*first, *letter.paragraphs, button, letter.after]) + "\n"


def _html(letter: OwnerLetter, *, is_test: bool) -> str:
    first = (_TEST,) if is_test else ()
    before = "".join(f"<p>{escape(one)}</p>" for one in [*first, *letter.paragraphs])
    url = escape(letter.url)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(letter.subject)}</title></head>"
        f'<body style="{_BODY}"><div style="{_SHEET}">{before}'
        f'<p><a href="{url}" style="{_BUTTON}">{escape(letter.button)}</a></p>'
        f'<p style="overflow-wrap:anywhere">{url}</p>'
        f"<p>{escape(letter.after)}</p></div></body></html>\n"
    )


def _of_plan(one: Subscription, public_url: str, provider: str) -> OwnerLetter:
    ends_at = one.grace_ends_at
    until = (
        "" if ends_at is None else f" The plan ends on {rfc3339(ends_at)[:10]} unless it is paid."
    )
    happened = (
        f"The last payment for your plan {one.plan_name} did not come."
        f" {provider} tries again for a few days.{until}"
    )
    return OwnerLetter(
        f"Your plan {one.plan_name} was not paid",
        (
            happened,
            'Another card helps. Open this page and press "Update the payment".',
        ),
        "Open your plan",
        f"{public_url}{PLAN_PATH}",
        "Credit that you have stays yours.",
    )


def _of_recharge(told: dict[str, Any], public_url: str) -> OwnerLetter:
    amount, method, reason = _dollars(told["amount_cents"]), told["method"], told["reason"]
    if reason == "monthly_max":
        subject = "Your auto-recharge has reached its limit of this month"
        happened = (
            f"Your balance is low, and {amount} more would pass the limit that you set for a month."
            " Nothing was charged."
        )
    elif reason == "disputed":
        subject = "Your auto-recharge is switched off"
        happened = (
            f"The payment of {amount} with {method}, which your auto-recharge made, was disputed at the"
            " card's bank. Nothing more is bought by itself until you set the auto-recharge again. If"
            " you know nothing of this dispute, ask your bank."
        )
    elif told["url"] is not None:
        subject = f"Confirm your auto-recharge of {amount}"
        happened = (
            f"Your bank wants you to confirm the payment of {amount} with {method}. Until you do,"
            " this credit is not bought."
        )
    else:
        subject = f"Your auto-recharge of {amount} failed"
        happened = (
            f"Your balance is low, and {amount} could not be charged to {method}: {_why(reason)}."
        )
    if told["switched_off"] and told["failures"] >= FAILURES_MAX and reason != "disputed":
        subject = "Your auto-recharge is switched off"
        happened += " This failed three times in a row, so the auto-recharge is switched off now."
    elif told["retry_at"] is not None:
        happened += f" It is tried again on {_when(told['retry_at'])}."
    url = told["url"] or f"{public_url}{RECHARGE_PATH}"
    button = "Confirm the payment" if told["url"] else "Open your auto-recharge"
    after = f"You can change or stop it at {public_url}{RECHARGE_PATH}"
    return OwnerLetter(subject, (happened,), button, url, after)


def _of_credit(told: dict[str, Any], public_url: str) -> OwnerLetter:
    amount, ends = _dollars(told["amount_cents"]), _when(told["expires_at"])
    kind = "of your plan" if told["kind"] == "plan" else "that you were given"
    return OwnerLetter(
        f"{amount} of your credit ends on {told['expires_at'][:10]}",
        (f"{amount} of the credit {kind} ends on {ends}. What is not spent until then is gone.",),
        "Open your wallet",
        f"{public_url}{WALLET_PATH}",
        f"You can switch mail of this kind off at {public_url}{ACCOUNT_PATH}",
    )


def _dollars(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02}"


def _when(time: str) -> str:
    """2026-07-20T08:00:00Z as 2026-07-20 08:00 UTC."""
    return f"{time[:10]} {time[11:16]} UTC"


def _why(reason: str) -> str:
    if reason == "unknown_outcome":
        return "the payment provider did not say what came of it"
    return str(reason).replace("_", " ")
