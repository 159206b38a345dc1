"""Define the kinds of ledger accounts and the transfer codes.

Debits increase assets, and credits increase everything else.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class LedgerAccountKind(StrEnum):
    WALLET = "wallet"  # purchased credit
    GRANT = "grant"  # credit that may expire
    HELD = "held"  # reserved credit
    OWED = "owed"  # asset: debt
    FEES = "fees"  # earned fees
    RECIPIENT = "recipient"  # named platform/address
    REDEEMED = "redeemed"  # per platform
    USED = "used"  # by AI usage
    PROVIDER = "provider"  # asset: sold credit
    CODES = "codes"  # asset: redeemed codes
    WITHDRAWN = "withdrawn"  # by an operator
    TEST_CREDIT = "test_credit"  # asset: free credit
    MANUAL = "manual"  # asset: manual credit
    PROMOTION = "promotion"  # asset: promotional credit
    EXPIRED = "expired"
    COST = "cost"  # asset: suppliers' charges
    SUPPLIER = "supplier"  # owed to suppliers
    TRANSIT_IN = "transit_in"  # asset: between tenants
    TRANSIT_OUT = "transit_out"  # to another tenant


# Plan grants have names with this prefix. No promotional rule applies to them.
PAID_GRANT: Final = "pgr_"

ASSETS = frozenset(
    {
        LedgerAccountKind.OWED,
        LedgerAccountKind.COST,
        LedgerAccountKind.TEST_CREDIT,
        LedgerAccountKind.MANUAL,
        LedgerAccountKind.PROMOTION,
        LedgerAccountKind.TRANSIT_IN,
        LedgerAccountKind.PROVIDER,
        LedgerAccountKind.CODES,
    }
)

ASSETS_LIST: Final = ", ".join(f"'{kind}'" for kind in sorted(ASSETS))
SIGN: Final = f"CASE WHEN kind IN ({ASSETS_LIST}) THEN -1 ELSE 1 END"


class Code(StrEnum):
    TOPUP_SEND = "topup_send"
    TOPUP_HOLD = "topup_hold"
    TOPUP_DELIVER = "topup_deliver"
    TOPUP_REFUND = "topup_refund"
    TOPUP_FEE = "topup_fee"
    SUPPLIER_COST = "supplier_cost"
    SUPPLIER_COST_BACK = "supplier_cost_back"
    TOPUP_REVERSE = "topup_reverse"
    VOUCHER_REDEEM = "voucher_redeem"
    VOUCHER_SETTLE = "voucher_settle"
    TEST_CREDIT = "test_credit"
    MANUAL = "manual"
    DEBT = "debt"
    GRANT = "grant"
    EXPIRY = "expiry"
    PURCHASE = "purchase"
    PURCHASE_REVERSAL = "purchase_reversal"
    REVERSAL_UNDONE = "reversal_undone"  # a won dispute
    REFUND_HOLD = "refund_hold"
    REFUND_RELEASE = "refund_release"
    PAYMENT_REFUND = "payment_refund"  # of a machine payment
    REDEMPTION = "redemption"  # a redeemed code
    SUBSCRIPTION = "subscription"
    ROLLOVER = "rollover"  # of plan credit
    CHECKIN = "checkin"
    AI_USAGE = "ai_usage"
    USAGE_HOLD = "usage_hold"
    USAGE_CAPTURE = "usage_capture"
    USAGE_RELEASE = "usage_release"
    USAGE_OVERAGE = "usage_overage"  # above the hold
    OAUTH_CHARGE = "oauth_charge"


OPERATORS_OWN = frozenset({Code.SUPPLIER_COST, Code.SUPPLIER_COST_BACK})


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
_SHOWN_BY_NAME: Final = frozenset(
    {LedgerAccountKind.PROVIDER, LedgerAccountKind.REDEEMED, LedgerAccountKind.SUPPLIER}
)


def code_words(code: str) -> str:
    return _CODES[Code(code)]


def account_words(label: str) -> str:
    """Return `recipient:claude/bob@example.com` as `bob@example.com, claude`."""
    return ", ".join(filter(None, account_parts(label)))


def account_parts(label: str) -> tuple[str, str]:
    kind_name, _, name = label.partition(":")
    kind = LedgerAccountKind(kind_name)
    if kind is LedgerAccountKind.RECIPIENT:
        platform, _, address = name.partition("/")
        return "", f"{address}, {platform}"
    if kind is LedgerAccountKind.GRANT and name.startswith(PAID_GRANT):
        return "Credit of a plan", ""
    return _KINDS[kind], name if kind in _SHOWN_BY_NAME else ""
