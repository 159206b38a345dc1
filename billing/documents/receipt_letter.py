"""Mail an order's receipt to the payer once.

The link in the email works without signing in, and shows only the document.
"""

from typing import Final

from billing.documents.document import BillingDocument
from billing.ledger.price import Price
from billing.recipients.language import Language
from billing.recipients.letter import ACCOUNT_PATH, OwnerLetter
from billing.recipients.owner_mail import OwnerMail, written_mail
from kernel.clock import DAY_US, parse_rfc3339, rfc3339
from kernel.tenant import Tenant

RECEIPT_PATH: Final = "/receipts"
# Older payments get no mail. Receipts are numbered sooner, even if the worker is down for a day.
TOLD_WITHIN_US: Final = 2 * DAY_US


def receipt_mail(receipt: BillingDocument, *, is_sent: bool, now_us: int) -> OwnerMail | None:
    """Return the email about a receipt, or None if the payment is too old."""
    if receipt.dated_at < now_us - TOLD_WITHIN_US:
        return None
    told = {
        "document_id": receipt.id,
        "number": receipt.number,
        "amount": receipt.amount,
        "currency": receipt.currency,
        "title": receipt.facts.lines[0].text,
        "provider": receipt.facts.provider,
        "paid_at": rfc3339(receipt.dated_at),
    }
    tenant = Tenant(receipt.account_id, receipt.environment)
    subscription_id = receipt.subscription_id or ""
    return written_mail(
        tenant,
        "receipt",
        subscription_id=subscription_id,
        data=told,
        is_sent=is_sent,
        now_us=now_us,
    )


def receipt_letter(
    mail: OwnerMail, *, public_url: str, token: str, provider: str, language: Language
) -> OwnerLetter:
    say, told = language.say, mail.data
    number = told["number"]
    price = language.price(Price(told["amount"], told["currency"]))
    day = language.day(parse_rfc3339(told["paid_at"]))
    return OwnerLetter(
        language,
        say("Your receipt {number}: {price}", number=number, price=price),
        (
            say(
                "You paid {price} for {title} with {provider} on {day}.",
                price=price,
                title=told["title"],
                provider=provider,
                day=day,
            ),
            say("This link opens your receipt as a PDF. Anyone who has the link can read it."),
        ),
        say("Open the receipt"),
        f"{public_url}{RECEIPT_PATH}/{token}",
        say("To turn off emails like this, open this page:"),
        f"{public_url}{ACCOUNT_PATH}",
    )
