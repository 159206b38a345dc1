"""The shapes of money: top-ups, what a send answers, balances, statements, vouchers, approvals."""

from typing import Annotated, Any, Literal, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from billing.topups import send, topup as topups
from gateway.answers.refused import Failure
from gateway.answers.words import (
    ApprovalId,
    Cents,
    Code,
    CodeHint,
    Currency,
    Environment,
    EventId,
    KeyId,
    Micros,
    Time,
    TopUpStatus,
    TransactionId,
    Voucher,
)
from kernel.clock import rfc3339
from webhooks.events.schemas import Approval

__all__ = ["Approval"]

Reference = Annotated[str, Meta(description="The sender's own name for it, once per environment.")]
WalletCents = Annotated[int, Meta(description="The sender's own wallet afterwards, in US cents.")]


class Sent(Struct, kw_only=True):
    """What became of a send. Voucher and new balance are null until it is delivered."""

    voucher_code: Code | None
    voucher_code_hint: CodeHint | None
    platform: str
    amount_cents: Cents
    new_balance_cents: Annotated[
        int | None, Meta(description="The recipient's wallet of that platform, in US cents.")
    ]
    recipient_email: str
    wallet_balance_cents: WalletCents

    @classmethod
    def of(cls, sent: send.Sent, **more: Any) -> Self:
        topup = sent.topup
        return cls(
            voucher_code=sent.voucher_code,
            voucher_code_hint=topup.voucher_code_hint,
            platform=topup.platform,
            amount_cents=topup.amount_cents,
            new_balance_cents=topup.new_balance_cents,
            recipient_email=topup.recipient_email,
            wallet_balance_cents=sent.wallet_balance_cents,
            **more,
        )


class Held(Struct, kw_only=True):
    """Where a person decides on a send above the key's threshold."""

    id: ApprovalId
    url: Annotated[str, Meta(description="The page of the dashboard to open.")]
    expires_at: Time


class SentForApproval(Sent, kw_only=True):
    """A send that waits for a person; until then its funds are held."""

    approval: Held


class _TopUp(Struct, kw_only=True):
    """A top-up; a rehearsed one has no id."""

    transaction_id: TransactionId | None
    status: TopUpStatus
    platform: str
    amount_cents: Cents
    recipient_email: str
    voucher_code: Code | None
    voucher_code_hint: CodeHint | None
    new_balance_cents: Cents | None
    reference: Reference | None
    metadata: dict[str, str]
    note: str | None
    failure_reason: str | None
    key_id: Annotated[KeyId | None, Meta(description="That sent it; null: no key.")]
    created_at: Time
    settled_at: Time | None

    @classmethod
    def of(cls, topup: topups.TopUp, code: str | None = None, **more: Any) -> Self:
        """code: for those who may see it, see billing/topups/voucher.py."""
        return cls(
            transaction_id=topup.id,
            status=topup.status,
            platform=topup.platform,
            amount_cents=topup.amount_cents,
            recipient_email=topup.recipient_email,
            voucher_code=code,
            voucher_code_hint=topup.voucher_code_hint,
            new_balance_cents=topup.new_balance_cents,
            reference=topup.reference,
            metadata=dict(topup.metadata),
            note=topup.note,
            failure_reason=topup.failure_reason,
            key_id=topup.key_id,
            created_at=rfc3339(topup.created_at),
            settled_at=None if topup.settled_at is None else rfc3339(topup.settled_at),
            **more,
        )


class TopUp(_TopUp, kw_only=True):
    """A top-up. Voucher and new balance are null unless it was delivered.

    voucher_code is null, too, for whoever is neither the sender nor one of its ancestors, and has
    not vouchers:read.
    """

    transaction_id: TransactionId


class FailedSend(_TopUp, kw_only=True):
    """A send that its platform refused; the funds are back. A dry run has no id."""

    error: Failure


class SettledTopUp(TopUp, kw_only=True):
    """A top-up that just ended, and the sender's wallet afterwards."""

    wallet_balance_cents: WalletCents


class Transfer(Struct, kw_only=True):
    """One movement on the ledger: from the debit account to the credit account."""

    id: str
    debit: str
    credit: str
    amount_cents: Cents
    amount_micros: Micros
    code: Annotated[str, Meta(description="Why the money moved.")]
    created_at: Time


class EventOfTopUp(Struct, kw_only=True):
    """An event that tells of the top-up; GET /events/{event_id} has its body."""

    id: EventId
    type: str
    created_at: Time


class TopUpStory(TopUp, kw_only=True):
    """A top-up with everything that came of it; approval_id where a person was asked."""

    transfers: list[Transfer]
    events: list[EventOfTopUp]
    approval_id: ApprovalId | UnsetType = UNSET


class Quote(Struct, kw_only=True):
    """What a send would do now; cap_remaining_cents is null without a cap."""

    amount_cents: Cents
    wallet_balance_cents: Cents
    wallet_balance_after_cents: Cents
    cap_remaining_cents: Cents | None
    would_be: Literal["delivered", "pending", "approval_required"]


class Window(Struct, kw_only=True):
    """A spend cap and what is left of it, the tightest of the key and its ancestors."""

    period: Literal["day", "month"]
    cap_cents: Cents
    spent_cents: Cents
    remaining_cents: Cents
    resets_at: Time


class KeyLimits(Struct, kw_only=True):
    """What the calling key may still spend."""

    id: KeyId
    per_call_cents: Cents | None
    windows: list[Window]


class Balance(Struct, kw_only=True):
    """The account's wallet. key is null where no key asks."""

    balance_cents: Cents
    sendable_cents: Annotated[int, Meta(description="What a send may use, in US cents.")]
    promotional_cents: Annotated[int, Meta(description="Credit that was given, in US cents.")]
    held_cents: Annotated[int, Meta(description="In pending top-ups and holds, in US cents.")]
    owed_cents: Annotated[int, Meta(description="Owed after a refund or dispute, in US cents.")]
    currency: Currency
    environment: Environment
    low_balance_threshold_cents: Annotated[
        int, Meta(description="When balance.low fires, in US cents; 0: never.")
    ]
    key: KeyLimits | None


class Threshold(Struct, kw_only=True):
    """When balance.low fires; 0: never."""

    low_balance_threshold_cents: Cents


class RecipientWallet(Struct, kw_only=True):
    """What a recipient holds of one platform, from this account's top-ups."""

    recipient_email: str
    platform: str
    balance_cents: Cents
    updated_at: Time


class Platform(Struct, kw_only=True):
    """What can be topped up."""

    id: str
    name: str
    min_amount_cents: Cents
    max_amount_cents: Cents
    fulfilment: Literal["immediate", "asynchronous"]


class StatedTransfer(Transfer, kw_only=True):
    """A transfer of a statement, and the wallet's balance after it."""

    balance_micros: Micros


class Statement(Struct, kw_only=True, rename={"since": "from", "until": "to"}):
    """Opening balance + what the transfers did to the wallet = closing balance."""

    since: Time
    until: Time
    opening_balance_cents: Cents
    opening_balance_micros: Micros
    transfers: list[StatedTransfer]
    closing_balance_cents: Cents
    closing_balance_micros: Micros


class IssuedVoucher(Struct, kw_only=True):
    """A voucher: the claim on value that lies in the recipient's wallet. spent: no longer there."""

    code: Voucher
    status: Literal["issued", "redeemed", "spent"]
    platform: str
    amount_cents: Cents
    transaction_id: TransactionId | None
    issued_at: Time | None
    redeemed_at: Time | None


class RedeemedVoucher(IssuedVoucher, kw_only=True):
    """A voucher just redeemed; transaction_id is null unless the caller issued it."""

    settle: Literal["wallet", "external"]
    balance_cents: Annotated[int, Meta(description="The caller's wallet, in US cents.")]


class DecidedTopUp(SettledTopUp, kw_only=True):
    """The decision, and the top-up as it left it."""

    approval: Approval | None


class Funding(Struct, kw_only=True):
    """Test credit that was added."""

    id: str
    amount_cents: Cents
    balance_cents: Cents


class RedeemedCode(Struct, kw_only=True):
    """Credit that a code or a voucher brought. expires_at is null unless it expires."""

    id: Annotated[str | None, Meta(description="Of a code's redemption; a voucher's has none.")]
    type: Literal["code", "voucher"]
    last4: str
    amount_cents: Cents
    amount_micros: Micros
    credits: Annotated[int, Meta(description="In credits of $0.001.")]
    promotional: bool
    expires_at: Time | None
    redeemed_at: Time
    balance_cents: Annotated[int, Meta(description="The caller's wallet, in US cents.")]


class Settlement(Struct, kw_only=True):
    """How the top-up ended."""

    status: TopUpStatus
