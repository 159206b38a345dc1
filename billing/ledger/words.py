"""The names of transfers and ledger accounts for people."""

from collections.abc import Mapping
from typing import Final

from billing.ledger.chart import PAID_GRANT, Code, LedgerAccountKind

_CODES: Final[Mapping[Code, str]] = {
    Code.TOPUP_SEND: "Top-up sent",
    Code.TOPUP_HOLD: "Held for a top-up",
    Code.TOPUP_DELIVER: "Top-up delivered",
    Code.TOPUP_REFUND: "Top-up refunded",
    Code.TOPUP_FEE: "Fee of a top-up",
    Code.SUPPLIER_COST: "Supplier's cost",
    Code.SUPPLIER_COST_BACK: "Supplier's cost given back",
    Code.TOPUP_REVERSE: "Top-up reversed",
    Code.VOUCHER_REDEEM: "Voucher redeemed",
    Code.VOUCHER_SETTLE: "Voucher honoured by its platform",
    Code.TEST_CREDIT: "Test credit",
    Code.MANUAL: "Changed by the operator",
    Code.DEBT: "Paid what was owed",
    Code.GRANT: "Promotional credit",
    Code.EXPIRY: "Credit expired",
    Code.PURCHASE: "Credit bought",
    Code.PURCHASE_REVERSAL: "Purchase reversed",
    Code.REVERSAL_UNDONE: "Reversal undone",
    Code.REFUND_HOLD: "Set aside for a refund",
    Code.REFUND_RELEASE: "Refund not made",
    Code.REDEMPTION: "Code redeemed",
    Code.SUBSCRIPTION: "Credit of a plan",
    Code.ROLLOVER: "Credit rolled over",
    Code.PAYMENT_REFUND: "Payment given back as a code",
    Code.CHECKIN: "Daily check-in",
    Code.AI_USAGE: "AI usage",
    Code.USAGE_HOLD: "Held for usage",
    Code.USAGE_CAPTURE: "Usage charged from a hold",
    Code.USAGE_RELEASE: "Hold released",
    Code.USAGE_OVERAGE: "Usage above a hold",
    Code.OAUTH_CHARGE: "Charged by an app",
}
_KINDS: Final[Mapping[LedgerAccountKind, str]] = {
    LedgerAccountKind.WALLET: "Wallet",
    LedgerAccountKind.GRANT: "Promotional credit",
    LedgerAccountKind.HELD: "Held",
    LedgerAccountKind.OWED: "Owed",
    LedgerAccountKind.FEES: "Fees",
    LedgerAccountKind.RECIPIENT: "Recipient",
    LedgerAccountKind.REDEEMED: "Redeemed",
    LedgerAccountKind.USED: "Used",
    LedgerAccountKind.PROVIDER: "Payment",
    LedgerAccountKind.CODES: "Redemption codes",
    LedgerAccountKind.WITHDRAWN: "Withdrawn",
    LedgerAccountKind.TEST_CREDIT: "Test credit",
    LedgerAccountKind.MANUAL: "Operator",
    LedgerAccountKind.PROMOTION: "Promotion",
    LedgerAccountKind.EXPIRED: "Expired",
    LedgerAccountKind.COST: "Supplier's cost",
    LedgerAccountKind.SUPPLIER: "Supplier",
    LedgerAccountKind.TRANSIT_IN: "Another account",
    LedgerAccountKind.TRANSIT_OUT: "Another account",
}
# Their names say more than their kinds.
_SHOWN_BY_NAME: Final = frozenset(
    {LedgerAccountKind.PROVIDER, LedgerAccountKind.REDEEMED, LedgerAccountKind.SUPPLIER}
)


def code_words(code: str) -> str:
    """Return why value moved: topup_send -> Top-up sent."""
    return _CODES[Code(code)]


def account_words(label: str) -> str:
    """Return a label in words: recipient:claude/bob@example.com -> bob@example.com, claude."""
    return ", ".join(filter(None, account_parts(label)))


def account_parts(label: str) -> tuple[str, str]:
    """Return the kind of account and its own name, each of which may be empty."""
    kind_name, _, name = label.partition(":")
    kind = LedgerAccountKind(kind_name)
    if kind is LedgerAccountKind.RECIPIENT:
        platform, _, address = name.partition("/")
        return "", f"{address}, {platform}"
    if kind is LedgerAccountKind.GRANT and name.startswith(PAID_GRANT):
        return "Credit of a plan", ""
    return _KINDS[kind], name if kind in _SHOWN_BY_NAME else ""
