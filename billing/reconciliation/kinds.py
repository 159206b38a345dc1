"""Each kind of difference: what it means, and what an operator does about it."""

from dataclasses import dataclass, field
from typing import Final, Literal

DifferenceKind = Literal[
    "paid_not_credited",
    "credited_not_paid",
    "amount_differs",
    "unknown_payment",
    "refund_differs",
    "ledger_rule",
    "delivered_without_supplier",
    "supplied_not_delivered",
    "supplied_twice",
    "supplier_balance",
]


@dataclass(frozen=True, slots=True)
class KindWords:
    """means: a sentence for the page; press: what to do."""

    means: str
    press: str


KINDS: Final[dict[DifferenceKind, KindWords]] = {
    "paid_not_credited": KindWords(
        "The provider has the payment of an order that is not credited.",
        "Open the order: ask the provider now, approve it, or refund the payment.",
    ),
    "credited_not_paid": KindWords(
        "An order is credited, and the provider knows no payment of it.",
        "Open the order and look the payment up at the provider; correct the account's credit.",
    ),
    "amount_differs": KindWords(
        "The provider has another sum than the order was credited for.",
        "Open the order; correct the account's credit, or refund the rest.",
    ),
    "unknown_payment": KindWords(
        "The provider has a payment that no order or paid period here knows.",
        "Look it up at the provider: refund it, or close this with the reason.",
    ),
    "refund_differs": KindWords(
        "The provider sent back another sum than the ledger took back.",
        "Open the order; the provider's refund event may not be enabled (topup providers check).",
    ),
    "ledger_rule": KindWords(
        "A rule of the ledger is broken.",
        "Run topup audit, stop what writes, and restore or correct the named row.",
    ),
    "delivered_without_supplier": KindWords(
        "A top-up counts as delivered, and no attempt at its supplier says so.",
        "Open the top-up and look it up at the supplier.",
    ),
    "supplied_not_delivered": KindWords(
        "A supplier delivered a top-up whose funds went back to the sender.",
        "Open the top-up: take the value back at the supplier, or charge the sender.",
    ),
    "supplied_twice": KindWords(
        "A supplier, or two, delivered one top-up more than once.",
        "Open the top-up and take the second delivery back at its supplier.",
    ),
    "supplier_balance": KindWords(
        "The balance at a supplier fell by more than its deliveries cost.",
        "Compare the supplier's own list of the period with its top-ups here.",
    ),
}


@dataclass(frozen=True, slots=True)
class FoundDifference:
    """expected: the ledger's figure; found: the other side's; in the currency's smallest unit, micros, or
    times.
    """

    kind: DifferenceKind
    subject_id: str
    expected: int
    found: int
    unit: str
    detail: str
    account_id: str = ""


@dataclass(slots=True)
class Comparison:
    """since: from when it compares. subjects: of its open differences, checked again. mark: where the next
    run continues. unanswered: subjects without a response, whose differences stay.
    """

    environment: str
    part: str
    since: int
    now_us: int
    subjects: frozenset[str] = frozenset()
    checked: int = 0
    mark: str | None = None
    unanswered: set[str] = field(default_factory=set)
