"""What a paid invoice of a plan grants, by its lines; gateway/docs/text/plans.md has the table.

A line counts at its price before tax, discounts and balance, which are the operator's gift or were paid
before. n times the plan's price grants n periods; other things grant nothing. A prorated line grants the
share of the plan's credit that it cost, rounded down. What a change gives back grants nothing and is carried,
so the change that it pays for grants nothing either. Else going up and down would make endless credit.

An account has one trial, whatever the plan: an invoice of nothing. It grants only what the plan says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from billing.catalog.plan import PlanItem
from billing.ledger.price import Price
from billing.providers.problem import Problem, other_price
from billing.providers.protocol import InvoiceLine

Find = Callable[[str], PlanItem | None]


@dataclass(frozen=True, slots=True)
class Bill:
    """is_change: a beginning or a change of plans made it, not the calendar."""

    lines: Sequence[InvoiceLine]
    currency: str
    is_change: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """find: the plan of a provider's price, if any. first_amount: the first period's price, while unpaid.
    carried_amount: what earlier changes gave back and nobody used.
    """

    own: PlanItem
    find: Find
    first_amount: int | None = None
    carried_amount: int = 0


@dataclass(frozen=True, slots=True)
class PeriodGrant:
    """terms: the paid plan. whole_micros: for its whole periods. prorated_amount: of a change, below 0 if it
    gave back. is_period: the plan is the new one. is_nothing: right, and grants nothing, as in a trial.
    """

    terms: PlanItem
    whole_micros: int
    prorated_amount: int | None = None
    is_period: bool = True
    is_nothing: bool = False


def grant_of(bill: Bill, terms: Terms) -> PeriodGrant | Problem:
    planned = _planned(bill.lines, terms)
    if not planned:
        named = ", ".join(sorted({line.product_ref or "a line" for line in bill.lines}))
        sentence = f"{named or 'nothing'} is no plan of ours"
        return Problem("invoice", sentence, terms.own.name or terms.own.plan_id, named)
    full = [(line, item) for line, item in planned if not line.is_prorated]
    parts = [(line, item) for line, item in planned if line.is_prorated]
    amount = sum(line.amount for line, _ in planned)
    main = _main(full or parts)
    if bill.currency != main.price.currency:
        return other_price(Price(max(0, amount), bill.currency), main.price)
    if full and all(line.amount == 0 for line, _ in full) and not parts:
        return PeriodGrant(main, 0, is_period=False, is_nothing=True)
    whole_micros = 0
    for line, item in full:
        units = _units(line, item, terms)
        if units is None:
            paid = Price(max(0, line.amount), bill.currency)
            return other_price(paid, Price(item.price.amount * line.quantity, main.price.currency))
        whole_micros += item.credits_micros * units
    prorated = sum(line.amount for line, _ in parts)
    is_change = bill.is_change and bool(parts or terms.carried_amount)
    if full and is_change:
        # A new period, partly paid by unused time of an old one.
        prorated, whole_micros = amount, 0
    if not parts and not is_change:
        return PeriodGrant(main, whole_micros)
    return PeriodGrant(main, whole_micros, prorated, is_period=bool(full) or prorated > 0)


def _planned(lines: Sequence[InvoiceLine], terms: Terms) -> list[tuple[InvoiceLine, PlanItem]]:
    found = [(line, item) for line in lines if (item := _item(line, terms, len(lines))) is not None]
    own = terms.own
    if found or own.product_ref is not None:
        return found
    # The provider was sent the amount, and made its own price for it.
    price = own.price.amount
    alike = [one for one in lines if one.amount in {price * one.quantity, terms.first_amount}]
    refs = {one.product_ref for one in lines}
    chosen = alike[0].product_ref if alike else next(iter(refs)) if len(refs) == 1 else None
    return [(line, own) for line in lines if chosen is not None and line.product_ref == chosen]


def _item(line: InvoiceLine, terms: Terms, count: int) -> PlanItem | None:
    if line.product_ref is None:
        return terms.own if count == 1 else None
    if line.product_ref == terms.own.product_ref:
        return terms.own
    return terms.find(line.product_ref)


def _main(planned: Sequence[tuple[InvoiceLine, PlanItem]]) -> PlanItem:
    return max(planned, key=lambda pair: pair[0].amount)[1]


def _units(line: InvoiceLine, item: PlanItem, terms: Terms) -> int | None:
    if line.amount == 0:
        return 0
    if line.amount == item.price.amount * line.quantity:
        return line.quantity
    is_first = item.plan_id == terms.own.plan_id and line.amount == terms.first_amount
    return 1 if is_first else None
