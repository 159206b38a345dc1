"""What to send, checked by every rule that needs no database."""

from collections.abc import Mapping

import msgspec

from billing.intents.intent import IntentUsed
from billing.ledger.money import MICROS_PER_CENT
from billing.topups.deliverable import DeliveryOptions
from billing.topups.platform import Platform, Platforms
from billing.topups.topup import TopUp
from kernel.errors import DomainError
from keys.account import normalise_email


class AmountOutOfRange(DomainError):
    pass


class Caller(msgspec.Struct, frozen=True, gc=False):
    """The address and the Idempotency-Key, without its secrets, as stored with the top-up."""

    address: str | None = None
    idempotency_key: str | None = None


NO_CALLER = Caller()


class SendRequest(msgspec.Struct, frozen=True, gc=False):
    """A checked send. fee_cents: by the present rule, or quoted until quote_ends_at (tenant's clock)."""

    platform: Platform
    amount_cents: int
    recipient_email: str
    reference: str | None = None
    metadata: Mapping[str, str] | None = None
    note: str | None = None
    delivery: DeliveryOptions | None = None
    send_at: int | None = None  # microseconds, by the tenant's own clock
    fee_cents: int = 0
    quote_ends_at: int | None = None
    is_distinct: bool = False  # its caller said that it is none that was sent before
    intent: str | None = None  # the account's own id of it, see billing/intents/intent.py

    @property
    def charged_cents(self) -> int:
        return self.amount_cents + self.fee_cents

    @property
    def charged_micros(self) -> int:
        return self.charged_cents * MICROS_PER_CENT

    @property
    def is_mailed(self) -> bool:
        return self.delivery is not None and self.delivery.email


def _usd(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"


def check_amount(platform: Platform, amount_cents: int) -> None:
    """Raise AmountOutOfRange, whose extra has the platform's min and max."""
    if not platform.min_amount_cents <= amount_cents <= platform.max_amount_cents:
        least, most = platform.min_amount_cents, platform.max_amount_cents
        raise AmountOutOfRange(
            f"`amount_cents` must be from {least} to {most} US cents for {platform.id}: "
            f"{least} means {_usd(least)}.",
            param="amount_cents",
            extra={"min": least, "max": most},
        )


def check_amount_of_any(platforms: Platforms, amount_cents: int) -> None:
    """Raise AmountOutOfRange if no offered platform's limits admit the amount."""
    offered = platforms.offered()
    if not offered:
        return
    least = min(one.min_amount_cents for one in offered)
    most = max(one.max_amount_cents for one in offered)
    if not least <= amount_cents <= most:
        raise AmountOutOfRange(
            f"`amount_cents` must be from {least} to {most} US cents for any platform: "
            f"{least} means {_usd(least)}.",
            param="amount_cents",
            extra={"min": least, "max": most},
        )


def check_same(topup: TopUp, request: SendRequest) -> None:
    asked = (request.platform.id, request.amount_cents, request.recipient_email)
    if asked != (topup.platform, topup.amount_cents, topup.recipient_email):
        raise IntentUsed(
            "The intent was already used for another platform, amount or recipient.",
            param="intent",
            reason="intent_used",
            extra={"transaction_id": topup.id, "status": topup.status},
        )


def prepare(
    platforms: Platforms,
    *,
    account_id: str,
    platform: str,
    amount_cents: int,
    recipient_email: str,
    reference: str | None = None,
    metadata: Mapping[str, str] | None = None,
    note: str | None = None,
    delivery: DeliveryOptions | None = None,
    send_at: int | None = None,
    is_distinct: bool = False,
    intent: str | None = None,
) -> SendRequest:
    """Return the checked request; raise InvalidPlatform, InvalidEmail or AmountOutOfRange, in this order."""
    found = platforms.find(platform)
    address = normalise_email(recipient_email)
    check_amount(found, amount_cents)
    fee_cents = found.fee_cents(account_id, amount_cents)
    return SendRequest(
        found,
        amount_cents,
        address,
        reference,
        metadata,
        note,
        delivery,
        send_at,
        fee_cents,
        is_distinct=is_distinct,
        intent=intent,
    )
