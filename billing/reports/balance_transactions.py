"""List what changed an account's balance.

Transfers of one subject at the same moment form one line. If they add up to zero, there is no line.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from billing.ledger.ledger import Code, LedgerAccountKind
from kernel.tenant import Tenant
from store.database import Row, Transaction
from store.keyset import Keyset

Type = Literal[
    "topup_send",
    "topup_refund",
    "purchase",
    "purchase_reversal",
    "redemption",
    "checkin",
    "subscription",
    "ai_usage",
    "oauth_charge",
    "manual",
    "expiry",
]
READ_AT_ONCE = 500
MARGIN = 10
OFFSET_MAX = 10_000

_TYPES: Mapping[str, Type] = {
    Code.TOPUP_SEND: "topup_send",
    Code.TOPUP_FEE: "topup_send",
    Code.TOPUP_HOLD: "topup_send",
    Code.TOPUP_REFUND: "topup_refund",
    Code.TOPUP_REVERSE: "topup_refund",
    Code.DEBT: "topup_refund",
    Code.VOUCHER_REDEEM: "redemption",
    Code.TEST_CREDIT: "manual",
    Code.MANUAL: "manual",
    Code.GRANT: "manual",
    Code.EXPIRY: "expiry",
    Code.PURCHASE: "purchase",
    Code.PURCHASE_REVERSAL: "purchase_reversal",
    Code.REVERSAL_UNDONE: "purchase_reversal",
    Code.REFUND_HOLD: "purchase_reversal",
    Code.REFUND_RELEASE: "purchase_reversal",
    Code.REDEMPTION: "redemption",
    Code.SUBSCRIPTION: "subscription",
    Code.ROLLOVER: "subscription",
    Code.CHECKIN: "checkin",
    Code.AI_USAGE: "ai_usage",
    Code.USAGE_HOLD: "ai_usage",
    Code.USAGE_RELEASE: "ai_usage",
    Code.USAGE_OVERAGE: "ai_usage",
    Code.OAUTH_CHARGE: "oauth_charge",
}
_UNKNOWN: Final[Type] = "manual"
# For credit from a coupon, the transfer's subject is the order.
_ORDER_PREFIX = "ord_"
_WORDS: Mapping[str, str] = {
    Code.TOPUP_REFUND: "Top-up refunded",
    Code.TOPUP_REVERSE: "Top-up reversed",
    Code.DEBT: "Paid what was owed",
    Code.VOUCHER_REDEEM: "Voucher redeemed",
    Code.TEST_CREDIT: "Test credit",
    Code.MANUAL: "Manual adjustment",
    Code.GRANT: "Promotional credit",
    Code.EXPIRY: "Credit expired",
    Code.PURCHASE: "Credit purchase",
    Code.PURCHASE_REVERSAL: "Payment refunded or disputed",
    Code.REVERSAL_UNDONE: "Dispute won",
    Code.REFUND_HOLD: "Set aside for a refund",
    Code.REFUND_RELEASE: "No longer set aside for a refund",
    Code.REDEMPTION: "Code redeemed",
    Code.SUBSCRIPTION: "Plan credit",
    Code.ROLLOVER: "Plan credit that went on",
    Code.CHECKIN: "Daily check-in",
    Code.USAGE_RELEASE: "Hold released",
}
_DESCRIBED: Mapping[str, str] = {
    "usg": "SELECT id, description AS text FROM usage_records WHERE id IN :ids[text]",
    "hld": "SELECT id, description AS text FROM holds WHERE id IN :ids[text]",
    "chg": "SELECT id, remark AS text FROM oauth_charges WHERE id IN :ids[text]",
    "adj": "SELECT id, reason AS text FROM credit_adjustments WHERE id IN :ids[text]",
    "ord": "SELECT id, pack_name AS text FROM orders WHERE id IN :ids[text]",
    "txn": """SELECT id, 'Top-up of ' || platform || ' for ' || recipient_email AS text
              FROM topups WHERE id IN :ids[text]""",
    "per": """SELECT p.id, s.plan_name AS text FROM subscription_periods p
              JOIN subscriptions s ON s.id = p.subscription_id WHERE p.id IN :ids[text]""",
}
_OWN_WORDS = frozenset(
    {Code.TOPUP_REFUND, Code.DEBT, Code.USAGE_RELEASE, Code.VOUCHER_REDEEM, Code.EXPIRY}
)


@dataclass(frozen=True, slots=True)
class BalanceTransaction:
    id: str
    account_id: str
    environment: str
    type: Type
    code: str
    amount_micros: int
    subject_id: str | None
    description: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Wanted:
    environment: str
    account_id: str | None = None
    type: Type | None = None
    created_after: int | None = None
    created_before: int | None = None


async def page(
    tx: Transaction, tenant: Tenant, *, offset: int, limit: int
) -> tuple[Sequence[BalanceTransaction], str | None]:
    wanted = Wanted(tenant.environment, account_id=tenant.account_id)
    found: list[BalanceTransaction] = []
    before_id: str | None = None
    # Read a little more than the page, so that its last line includes all its transfers.
    at_once = min(READ_AT_ONCE, offset + limit + MARGIN)
    while len(found) <= offset + limit:
        rows = await _rows(tx, wanted, before_id, at_once)
        found = _joined([*found, *map(_balance_transaction, rows)])
        if len(rows) < at_once:
            break
        before_id = rows[-1]["id"]
    shown = found[offset : offset + limit]
    more = shown[-1].id if shown and len(found) > offset + limit else None
    return await _described(tx, shown), more


async def page_of_all(
    tx: Transaction, wanted: Wanted, *, before_id: str | None, limit: int
) -> tuple[Sequence[BalanceTransaction], str | None]:
    found: list[BalanceTransaction] = []
    while True:
        rows = await _rows(tx, wanted, before_id, limit + MARGIN)
        found = _joined([*found, *map(_balance_transaction, rows)])
        if len(rows) < limit + MARGIN or len(found) > limit:
            break
        before_id = rows[-1]["id"]
    shown = found[:limit]
    more = shown[-1].id if len(found) > limit else None
    return await _described(tx, shown), more


async def _rows(
    tx: Transaction, wanted: Wanted, before_id: str | None, limit: int
) -> Sequence[Row]:
    codes = sorted(code for code, kind in _TYPES.items() if kind == wanted.type)
    return await _TRANSFERS.page(
        tx,
        before_id=before_id,
        limit=limit,
        environment=wanted.environment,
        account_id=wanted.account_id,
        created_after=wanted.created_after,
        created_before=wanted.created_before,
        codes=codes,
        of_purchases=wanted.type == "purchase",
        manual=wanted.type == "manual",
        of_others=wanted.type not in {None, "purchase", "manual"},
    )


_OWN = f"('{LedgerAccountKind.WALLET}', '{LedgerAccountKind.GRANT}')"
_OF_COUPON = "t.code = 'grant' AND SUBSTR(t.subject_id, 1, 4) = 'ord_'"
_TRANSFERS = Keyset(
    """t.id, t.account_id, t.environment, t.amount_micros, t.code, t.transaction_id, t.subject_id,
    t.created_at, c.kind AS credit_kind""",
    """transfers t
    JOIN ledger_accounts d ON d.id = t.debit_id
    JOIN ledger_accounts c ON c.id = t.credit_id""",
    f"t.environment = :environment AND (c.kind IN {_OWN} OR d.kind IN {_OWN})",
    filters={
        "account_id": "t.account_id = :account_id",
        "created_after": "t.created_at >= :created_after",
        "created_before": "t.created_at < :created_before",
        "of_purchases": f"(t.code IN :codes[text] OR {_OF_COUPON})",
        "manual": f"(t.code IN :codes[text] AND NOT ({_OF_COUPON}))",
        "of_others": "t.code IN :codes[text]",
    },
    key="t.id",
)


def _type_of(code: str, subject_id: str | None) -> Type:
    if code == Code.GRANT and (subject_id or "").startswith(_ORDER_PREFIX):
        return "purchase"
    return _TYPES.get(code, _UNKNOWN)


def _balance_transaction(row: Row) -> BalanceTransaction:
    is_credit = row["credit_kind"] in {LedgerAccountKind.WALLET, LedgerAccountKind.GRANT}
    subject_id = row["transaction_id"] or row["subject_id"]
    return BalanceTransaction(
        row["id"],
        row["account_id"],
        row["environment"],
        _type_of(row["code"], subject_id),
        row["code"],
        row["amount_micros"] if is_credit else -row["amount_micros"],
        subject_id,
        "",
        row["created_at"],
    )


def _joined(movements: Iterable[BalanceTransaction]) -> list[BalanceTransaction]:
    found: list[BalanceTransaction] = []
    for one in movements:
        last = found[-1] if found else None
        if last is not None and one.subject_id is not None and _key(last) == _key(one):
            total = last.amount_micros + one.amount_micros
            found[-1] = replace(last, id=one.id, amount_micros=total)
        else:
            found.append(one)
    return found


def _key(one: BalanceTransaction) -> tuple[object, ...]:
    side = one.amount_micros > 0
    return (one.account_id, one.environment, one.subject_id, one.type, one.created_at, side)


async def _described(
    tx: Transaction, movements: Sequence[BalanceTransaction]
) -> Sequence[BalanceTransaction]:
    texts: dict[str, str] = {}
    subjects = {one.subject_id for one in movements if one.subject_id is not None}
    for prefix, query in _DESCRIBED.items():
        ids = sorted(one for one in subjects if one.startswith(prefix + "_"))
        if ids:
            texts |= {row["id"]: row["text"] for row in await tx.fetch(query, ids=ids)}
    return [replace(one, description=_words(one, texts)) for one in movements]


def _words(one: BalanceTransaction, texts: Mapping[str, str | None]) -> str:
    own = texts.get(one.subject_id or "")
    if own and one.code not in _OWN_WORDS:
        return own
    return _WORDS.get(one.code, own or "")
