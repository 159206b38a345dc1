"""What is shown of recharges and saved means of payment."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from billing.providers.abilities import SavedMethod
from billing.recharges.recharge import FallCharge, Recharge as Row
from kernel.shaped import Shaped
from kernel.words import Cents, Count, Last4, Time, time_of


class PaymentMethod(Shaped, kw_only=True):
    """A saved payment method. expires is a month, such as 2027-04."""

    ref: Annotated[str, Meta(description="The provider's id.")]
    brand: str
    last4: Last4
    expires: Annotated[
        str | None,
        Meta(description="The month in which it ends, such as 2027-04; null: it does not."),
    ]


class RechargeCharge(Shaped, kw_only=True):
    """The outcome of one drop of the balance. reason: why the charge was declined; url: where a person
    confirms it.
    """

    order_id: str
    amount_cents: Cents
    method: Annotated[str, Meta(description="The means of payment, as its owner knows it.")]
    month: Annotated[str, Meta(description="That it counts against, such as 2026-11.")]
    reason: Annotated[str | None, Meta(description="Why it was declined; null: it was not.")]
    url: Annotated[str | None, Meta(description="Where a person confirms it; null: nobody need.")]
    created_at: Time


class Recharge(Struct, kw_only=True):
    """Credit that is bought automatically when the balance drops. While status is off, no drop is charged
    until the recharge is set again. disabled_reason is null while it is on, and if it was removed.
    """

    provider: str
    below_cents: Cents
    amount_cents: Cents
    monthly_max_cents: Annotated[int, Meta(description="Of a calendar month by UTC, in US cents.")]
    method_ref: str
    brand: str
    last4: Last4
    status: Literal["on", "off"]
    disabled_reason: Annotated[
        Literal["failures", "operator", "dispute"] | None,
        Meta(description="Why it is off; null: it is on, or was removed."),
    ]
    failures: Annotated[Count, Meta(description="Charges that failed in a row.")]
    retry_at: Annotated[Time | None, Meta(description="When a declined charge is tried again.")]
    changed_at: Time
    charges: Annotated[list[RechargeCharge], Meta(description="The latest, the newest first.")]

    @classmethod
    def of(
        cls, row: Row, charges: Sequence[FallCharge] = (), *, is_removed: bool = False
    ) -> "Recharge":
        """Return the view; is_removed: it was removed just now."""
        return cls(
            provider=row.provider,
            below_cents=row.below_cents,
            amount_cents=row.amount_cents,
            monthly_max_cents=row.monthly_max_cents,
            method_ref=row.method_ref,
            brand=row.brand,
            last4=row.last4,
            status="on" if row.is_on and not is_removed else "off",
            disabled_reason=row.disabled_reason,
            failures=row.failures,
            retry_at=None if is_removed else time_of(row.retry_at),
            changed_at=time_of(row.changed_at) or "",
            charges=[
                RechargeCharge.of(one, url=one.url if one.is_counted else None) for one in charges
            ],
        )


class PaymentMethods(Struct, kw_only=True):
    """The account's saved payment methods at one provider, newest first."""

    provider: str
    items: Annotated[
        list[PaymentMethod], Meta(description="The saved means of payment, the newest first.")
    ]

    @classmethod
    def of(cls, provider: str, found: Sequence[SavedMethod]) -> "PaymentMethods":
        return cls(provider=provider, items=[PaymentMethod.of(one) for one in found])


class SavePage(Struct, kw_only=True):
    """The page on which a person saves a payment method."""

    url: Annotated[str, Meta(description="Where the person agrees and keeps it.")]
