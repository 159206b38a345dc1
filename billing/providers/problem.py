"""Why a provider's report waits for an operator, with what was expected and what came."""

from dataclasses import dataclass
from typing import Literal

from billing.ledger.price import Price

ProblemReason = Literal[
    "amount",  # another amount or currency than the price
    "method",  # another way of paying, or another product, than was asked for
    "second_payment",  # of an order that has one
    "second_plan",  # of an account that has one
    "invoice",  # of a plan, and of none that we sell, or of a period that is paid
    "refund",  # in another currency than the payment, or one that came back
    "contradiction",  # the notification and the provider's own answer differ
    "other_provider",  # the order is at another one, or in the other environment
    "too_much",  # more than an account can hold
]
REASONS: tuple[ProblemReason, ...] = ProblemReason.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Problem:
    """sentence is for people; expected and came are its two sides. payment_ref: the provider's ID, if any."""

    reason: ProblemReason
    sentence: str
    expected: str = ""
    came: str = ""
    payment_ref: str | None = None


def other_price(came: Price, expected: Price) -> Problem:
    came_words, wanted = in_words(came), in_words(expected)
    return Problem("amount", f"{came_words} was paid, not {wanted}", wanted, came_words)


def in_words(price: Price) -> str:
    return f"{price.decimal()} {price.currency}" if price.is_listed else price.words()
