"""The shapes of vouchers: one that was issued, and one that was just redeemed."""

from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct

from billing.topups import topup as topups
from gateway.api.schemas.topups import DeliverableField, deliverable_of
from kernel.words import Cents, Micros, Time, TransactionId, Voucher, time_of


class IssuedVoucher(Struct, kw_only=True):
    """A voucher: the claim on value that lies in the recipient's wallet. spent: no longer there.

    deliverable: what a supplier delivered, which settled the voucher; kind credit: nothing else.
    """

    code: Annotated[Voucher, Meta(description="The voucher's code.")]
    status: Annotated[
        Literal["issued", "redeemed", "spent"],
        Meta(description="spent: its credit is no longer in the recipient's wallet."),
    ]
    platform: str
    amount_cents: Cents
    transaction_id: TransactionId | None
    issued_at: Time | None
    redeemed_at: Time | None
    deliverable: DeliverableField | None

    @classmethod
    def of(
        cls,
        topup: topups.TopUp,
        code: str,
        *,
        wallet_cents: int,
        redeemed_at: int | None,
        value: str | None = None,
        **more: Any,
    ) -> Self:
        """Convert a top-up. wallet_cents: what its recipient's wallet holds."""
        status: Literal["issued", "redeemed", "spent"]
        status = "issued" if redeemed_at is None else "redeemed"
        if redeemed_at is None and wallet_cents < topup.amount_cents:
            status = "spent"
        return cls(
            code=code,
            status=status,
            platform=topup.platform,
            amount_cents=topup.amount_cents,
            transaction_id=topup.id,
            issued_at=time_of(topup.settled_at),
            redeemed_at=time_of(redeemed_at),
            deliverable=deliverable_of(topup, value),
            **more,
        )


class RedeemedVoucher(IssuedVoucher, kw_only=True):
    """A voucher just redeemed; transaction_id is null unless the caller issued it."""

    settle: Literal["wallet", "external"]
    balance_cents: Annotated[int, Meta(description="The caller's wallet, in US cents.")]


class RedeemedCode(Struct, kw_only=True):
    """Credit that a code or a voucher brought. expires_at is null unless it expires."""

    id: Annotated[str | None, Meta(description="Of a code's redemption; a voucher's has none.")]
    type: Annotated[Literal["code", "voucher"], Meta(description="What was redeemed.")]
    last4: str
    amount_cents: Cents
    amount_micros: Micros
    credits: Annotated[int, Meta(description="In credits of $0.001.")]
    promotional: bool
    expires_at: Time | None
    redeemed_at: Time
    balance_cents: Annotated[int, Meta(description="The caller's wallet, in US cents.")]
