"""What an account's owner reads of a renewal that was not paid: until when, and which button helps. Pure."""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from billing.subscriptions.owner_mail import OwnerMail
from billing.subscriptions.subscription import Subscription
from kernel.clock import SECOND_US, rfc3339

PLAN_PATH: Final = "/dashboard/plan"
_TEST: Final = "This is a test: no money is involved.\n\n"


def owner_letter(
    mail: OwnerMail, one: Subscription, *, address: str, mail_from: Address, public_url: str
) -> EmailMessage:
    """The mail; the same bytes for each try."""
    message = EmailMessage(policy=SMTP)
    message["From"] = mail_from
    message["To"] = address
    message["Subject"] = f"Your plan {one.plan_name} was not paid"
    message["Date"] = datetime.fromtimestamp(mail.created_at // SECOND_US, UTC)
    message["Message-ID"] = f"<{mail.id}@{mail_from.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_text(one, public_url), cte="quoted-printable")
    return message


def _text(one: Subscription, public_url: str) -> str:
    ends_at = one.grace_ends_at
    until = (
        "" if ends_at is None else f" The plan ends on {rfc3339(ends_at)[:10]} unless it is paid."
    )
    return (
        f"{_TEST if one.environment == 'staging' else ''}"
        f"The last payment for your plan {one.plan_name} did not come. {one.provider.capitalize()}"
        f" tries again for a few days.{until}\n\n"
        'Another card helps. Open this page and press "Update the payment":\n'
        f"{public_url}{PLAN_PATH}\n\n"
        "Credit that you have stays yours.\n"
    )
