"""What is to be sent, judged by every rule that needs no state of the database."""

from collections.abc import Mapping

import msgspec

from billing.topups.delivery_options import DeliveryOptions
from billing.topups.platform import Platform, Platforms
from kernel.errors import DomainError
from keys.account import normalise_email


class AmountOutOfRange(DomainError):
    """The amount is outside the platform's limits."""


class SendRequest(msgspec.Struct, frozen=True, gc=False):
    """What is to be sent, judged by every rule that needs no batch state."""

    platform: Platform
    amount_cents: int
    recipient_email: str
    reference: str | None = None
    metadata: Mapping[str, str] | None = None
    note: str | None = None
    delivery: DeliveryOptions | None = None
    send_at: int | None = None  # microseconds, by the tenant's own clock

    @property
    def is_mailed(self) -> bool:
        """Whether its recipient gets mail about it."""
        return self.delivery is not None and self.delivery.email


def prepare(
    platforms: Platforms,
    *,
    platform: str,
    amount_cents: int,
    recipient_email: str,
    reference: str | None = None,
    metadata: Mapping[str, str] | None = None,
    note: str | None = None,
    delivery: DeliveryOptions | None = None,
    send_at: int | None = None,
) -> SendRequest:
    """Raises InvalidPlatform, InvalidEmail or AmountOutOfRange, in this order."""
    found = platforms.find(platform)
    address = normalise_email(recipient_email)
    if not found.min_amount_cents <= amount_cents <= found.max_amount_cents:
        raise AmountOutOfRange(
            f"amount_cents is {found.min_amount_cents} to {found.max_amount_cents} for {found.id}",
            param="amount_cents",
            extra={"min": found.min_amount_cents, "max": found.max_amount_cents},
        )
    return SendRequest(found, amount_cents, address, reference, metadata, note, delivery, send_at)
