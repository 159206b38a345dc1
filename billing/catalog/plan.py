"""Plans: credit that is sold by the month or the year, a catalogue of each environment.

Invariant: a subscription keeps the terms that it was begun with, so a plan may change or end at any
time; a provider's price or product belongs to one plan and interval. credits_included is of a month,
and a paid year grants twelve. Writes plans.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from billing.ledger.money import MICROS_PER_CREDIT
from billing.ledger.price import Price, check_currency
from billing.providers.protocol import Interval
from kernel.errors import DomainError, InvalidInput, NotFound
from keys.label import normalise_name
from store.database import Transaction
from store.row_mapping import RowMapping, as_json

PlanPlace = tuple[str, str]  # environment, id
AMOUNT_MAX = 100_000_000_000
CREDITS_MAX = 100_000_000
PLANS_MAX = 200
DESCRIPTION_CHARACTERS_MAX = 500
FEATURES_MAX = 30
FEATURE_CHARACTERS_MAX = 120
MONTHS: Mapping[Interval, int] = {"month": 1, "year": 12}
CREEM = "creem"
STRIPE = "stripe"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_REF = re.compile(r"[!-~]{1,200}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# The column that names the provider's own price or product.
_REFS: Mapping[tuple[str, Interval], str] = {
    (STRIPE, "month"): "stripe_price_id_monthly",
    (STRIPE, "year"): "stripe_price_id_yearly",
    (CREEM, "month"): "creem_product_id",
    (CREEM, "year"): "creem_product_id_yearly",
}
# What stands in for them where the sandbox stands in for the provider.
_SANDBOX_REF = "sandbox/{plan_id}/{interval}"
_SANDBOX = "sandbox/"


class PlanTaken(DomainError):
    """The environment has a plan of this id or price already, or as many as it may have."""


@dataclass(frozen=True, slots=True)
class PlanItem:
    """What a subscription's order is for, frozen. It credits nothing: the provider's invoices do.

    price and credits_micros are of one period. product_ref: the provider's own price or product;
    None: it is told the price.
    """

    plan_id: str
    interval: Interval
    price: Price
    name: str = ""
    credits_micros: int = 0
    product_ref: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Prices are in the currency's smallest unit; price_yearly null: not sold by the year."""

    environment: str
    id: str
    name: str
    description: str = ""
    price_monthly: int
    price_yearly: int | None = None
    currency: str = "USD"
    credits_included: int
    features: tuple[str, ...] = ()
    stripe_price_id_monthly: str | None = None
    stripe_price_id_yearly: str | None = None
    creem_product_id: str | None = None
    creem_product_id_yearly: str | None = None
    is_active: bool = True
    position: int = 0
    created_at: int

    def shape(self) -> dict[str, Any]:
        """The plan as the API and the command line show it."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "price_monthly": self.price_monthly,
            "price_yearly": self.price_yearly,
            "credits_included": self.credits_included,
            "features": list(self.features),
            "currency": self.currency,
            "active": self.is_active,
            "stripe_price_id_monthly": self.stripe_price_id_monthly,
            "stripe_price_id_yearly": self.stripe_price_id_yearly,
            "creem_product_id": self.creem_product_id,
            "creem_product_id_yearly": self.creem_product_id_yearly,
        }

    def refs(self, provider: str) -> dict[str, Interval]:
        """The provider's own prices and products that lead here, and the sandbox's."""
        found: dict[str, Interval] = {_sandbox_ref(self.id, way): way for way in MONTHS}
        for (name, interval), column in _REFS.items():
            ref = getattr(self, column)
            if name == provider and ref is not None:
                found[ref] = interval
        return found


def item_of(plan: Plan, provider: str, interval: Interval, *, is_stand_in: bool) -> PlanItem:
    """What an order of the plan is for; raises InvalidInput where it is not sold so.

    A Creem plan without its product is refused, in the sandbox as well. Source: contract, 5.3.
    """
    price = plan.price_monthly if interval == "month" else plan.price_yearly
    if price is None:
        raise InvalidInput("the plan is not sold by the year", param="interval")
    column = _REFS.get((provider, interval))
    ref = None if column is None else getattr(plan, column)
    if ref is None and provider == CREEM:
        raise InvalidInput(f"the plan has no {column}, which creem needs", param="plan_id")
    if ref is None and is_stand_in:
        ref = _sandbox_ref(plan.id, interval)
    return PlanItem(
        plan.id,
        interval,
        Price(price, plan.currency),
        plan.name,
        plan.credits_included * MONTHS[interval] * MICROS_PER_CREDIT,
        ref,
    )


def item_by_ref(plans: Iterable[Plan], provider: str, ref: str) -> PlanItem | None:
    """What the provider's own price or product sells, by today's terms; None: nothing of ours."""
    for plan in plans:
        interval = plan.refs(provider).get(ref)
        is_sold = interval == "month" or plan.price_yearly is not None
        if interval is not None and is_sold:
            price = plan.price_monthly if interval == "month" else plan.price_yearly
            assert price is not None
            credits_micros = plan.credits_included * MONTHS[interval] * MICROS_PER_CREDIT
            return PlanItem(
                plan.id, interval, Price(price, plan.currency), plan.name, credits_micros, ref
            )
    return None


def check_plan(plan: Plan) -> Plan:
    """The plan, normalised; raises InvalidInput for what cannot be sold."""
    if not _ID.fullmatch(plan.id):
        raise InvalidInput("an id has up to 64 of A-Z, a-z, 0-9, _ and -", param="id")
    _check_range(plan.price_monthly, "price_monthly", AMOUNT_MAX)
    if plan.price_yearly is not None:
        _check_range(plan.price_yearly, "price_yearly", AMOUNT_MAX)
    _check_range(plan.credits_included, "credits_included", CREDITS_MAX)
    if len(plan.features) > FEATURES_MAX:
        raise InvalidInput(f"at most {FEATURES_MAX} features", param="features")
    for column in _REFS.values():
        ref = getattr(plan, column)
        if ref is not None and (not _REF.fullmatch(ref) or ref.startswith(_SANDBOX)):
            raise InvalidInput("1 to 200 visible ASCII characters", param=column)
    return replace(
        plan,
        name=normalise_name(plan.name),
        description=_line(plan.description, "description", DESCRIPTION_CHARACTERS_MAX),
        features=tuple(_line(one, "features", FEATURE_CHARACTERS_MAX) for one in plan.features),
        currency=check_currency(plan.currency),
    )


async def create(tx: Transaction, plan: Plan) -> Plan:
    """Adds it; raises InvalidInput and PlanTaken."""
    checked = check_plan(plan)
    listed = await list_plans(tx, plan.environment, with_inactive=True)
    if len(listed) >= PLANS_MAX:
        raise PlanTaken(f"an environment has at most {PLANS_MAX} plans", param="id")
    _check_refs(checked, listed)
    position = checked.position or max((one.position for one in listed), default=0) + 1
    made = replace(checked, position=position)
    inserted = await tx.insert(
        "plans", _ROWS.columns, [_ROWS.write(made)], on_conflict="ON CONFLICT DO NOTHING"
    )
    if inserted == 0:
        raise PlanTaken("the environment has a plan of this id", param="id")
    return made


async def change(
    tx: Transaction, place: PlanPlace, changes: Mapping[str, Any]
) -> tuple[Plan, Plan]:
    """The plan before and after; subscriptions keep their terms. Raises NotFound, InvalidInput."""
    locked = await tx.fetch_one(_LOCK, environment=place[0], id=place[1])
    if locked is None:
        raise NotFound("Plan", param="plan_id")
    before = _ROWS.read(locked)
    after = check_plan(replace(before, **changes))
    others = await list_plans(tx, place[0], with_inactive=True)
    _check_refs(after, [one for one in others if one.id != after.id])
    await tx.execute(_UPDATE, rows=[_ROWS.write(after)])
    return before, after


async def get(tx: Transaction, place: PlanPlace) -> Plan:
    """The plan, offered or not; raises NotFound."""
    row = await tx.fetch_one(_GET, environment=place[0], id=place[1])
    if row is None:
        raise NotFound("Plan", param="plan_id")
    return _ROWS.read(row)


async def get_sold(tx: Transaction, place: PlanPlace) -> Plan:
    """The plan, if it is sold; raises NotFound."""
    found = await get(tx, place)
    if not found.is_active:
        raise NotFound("Plan", param="plan_id")
    return found


async def list_plans(
    tx: Transaction, environment: str, *, with_inactive: bool = False
) -> Sequence[Plan]:
    """The catalogue in its order."""
    rows = await tx.fetch(_ALL if with_inactive else _OFFERED, environment=environment)
    return [_ROWS.read(row) for row in rows]


_ROWS = RowMapping(Plan, stored={"features": as_json(tuple[str, ...])})
_GET = f"SELECT {_ROWS.listed} FROM plans WHERE environment = :environment AND id = :id"
_LOCK = f"{_GET} FOR NO KEY UPDATE"
_ALL = f"SELECT {_ROWS.listed} FROM plans WHERE environment = :environment ORDER BY position, id"
_OFFERED = f"""
SELECT {_ROWS.listed} FROM plans WHERE environment = :environment AND is_active = 1
ORDER BY position, id
"""
_CHANGING = _ROWS.part(
    *(name for name in _ROWS.columns if name not in {"environment", "id", "created_at"})
)
_UPDATE = f"""
UPDATE plans SET {_CHANGING.assigned} FROM :rows[{_ROWS.typed}] AS v
WHERE plans.environment = v.environment AND plans.id = v.id
"""


def _sandbox_ref(plan_id: str, interval: Interval) -> str:
    return _SANDBOX_REF.format(plan_id=plan_id, interval=interval)


def _check_refs(plan: Plan, others: Iterable[Plan]) -> None:
    """One price or product at a provider says which plan and interval was paid for."""
    taken: dict[str, str] = {}
    for one in (*others, plan):
        for column in _REFS.values():
            ref = getattr(one, column)
            if ref is not None and taken.setdefault(ref, one.id + column) != one.id + column:
                raise PlanTaken(f"{ref} is there already", param=column)


def _check_range(value: int, name: str, most: int) -> None:
    if not 1 <= value <= most:
        raise InvalidInput(f"{name} is 1 to {most}", param=name)


def _line(text: str, name: str, characters_max: int) -> str:
    line = text.strip()
    if len(line) > characters_max or _CONTROL.search(line):
        raise InvalidInput(f"one line of at most {characters_max} characters", param=name)
    return line
