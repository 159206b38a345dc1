"""Store plans: credit sold by the month or by the year. A subscription keeps the terms that it started with.

A provider's price ID or product ID belongs to one plan and interval. A paid year grants twelve times
`credits_included`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from billing.catalog.grant_terms import AS_TERMS, DEFAULT_TERMS, GrantTerms, check_terms
from billing.catalog.product_fields import ProductFields, ProductKey
from billing.ledger.money import MICROS_PER_CREDIT
from billing.ledger.price import Price, check_currency
from billing.providers.protocol import Interval, Registration
from kernel.errors import DomainError, InvalidInput, LimitReached, NotFound
from kernel.shaped import shown
from keys.normalise import normalise_name
from store.database import Row, Transaction
from store.row_mapping import RowMapping, as_json, update

PlanKey = tuple[str, str]  # environment, id
AMOUNT_MAX = 100_000_000_000
CREDITS_MAX = 100_000_000
TRIAL_DAYS_MAX = 730
PLANS_MAX = 200
DESCRIPTION_CHARACTERS_MAX = 500
FEATURES_MAX = 30
FEATURE_CHARACTERS_MAX = 120
MONTHS: Mapping[Interval, int] = {"month": 1, "year": 12}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_REF = re.compile(r"[!-~]{1,200}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# These columns duplicate plan_products. If the two differ, these columns are used.
_MIRROR_COLUMNS: Mapping[ProductKey, str] = {
    ("stripe", "month"): "stripe_price_id_monthly",
    ("stripe", "year"): "stripe_price_id_yearly",
    ("creem", "month"): "creem_product_id",
    ("creem", "year"): "creem_product_id_yearly",
}
_SANDBOX_REF = "sandbox/{plan_id}/{interval}"
_SANDBOX = "sandbox/"


class PlanTaken(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class PlanItem:
    """What a subscription's order buys. It is fixed when the order is placed. Amounts are for one period.

    If `product_ref` is missing, the provider receives the price instead.
    """

    plan_id: str
    interval: Interval
    price: Price
    name: str = ""
    credits_micros: int = 0
    product_ref: str | None = None
    trial_days: int = 0
    trial_micros: int = 0
    grant_terms: GrantTerms = DEFAULT_TERMS


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    environment: str
    id: str
    name: str
    description: str = ""
    price_monthly: int
    price_yearly: int | None = None
    credits_included: int
    trial_days: int = 0
    trial_credits: int = 0
    features: tuple[str, ...] = ()
    currency: str = "USD"
    is_active: bool = True
    products: Mapping[ProductKey, str] = {}
    grant_terms: GrantTerms = DEFAULT_TERMS
    position: int = 0
    created_at: int

    def shape(self, fields: ProductFields) -> dict[str, Any]:
        hidden = ("environment", "products", "grant_terms", "position", "created_at")
        told = shown(self, without=hidden)
        return told | self.grant_terms.shape() | fields.shown(self.products)

    def refs(self, provider: str) -> dict[str, Interval]:
        found: dict[str, Interval] = {_sandbox_ref(self.id, way): way for way in MONTHS}
        return found | {
            ref: interval for (name, interval), ref in self.products.items() if name == provider
        }


def item_of(
    plan: Plan, provider: Registration | None, interval: Interval, *, is_simulated: bool
) -> PlanItem:
    """Return what an order for the plan buys.

    Raise InvalidInput if the plan lacks a price for the interval, or the product ID that the provider needs.
    """
    price = plan.price_monthly if interval == "month" else plan.price_yearly
    if price is None:
        raise InvalidInput("The plan has no yearly price.", param="interval")
    ref = None if provider is None else plan.products.get((provider.name, interval))
    if ref is None and provider is not None and provider.needs_product:
        missing = ProductFields.of([provider]).name_of((provider.name, interval))
        sentence = f"the plan has no {missing}, which {provider.name} needs"
        raise InvalidInput(sentence, param="plan_id")
    if ref is None and is_simulated:
        ref = _sandbox_ref(plan.id, interval)
    return PlanItem(
        plan.id,
        interval,
        Price(price, plan.currency),
        plan.name,
        plan.credits_included * MONTHS[interval] * MICROS_PER_CREDIT,
        ref,
        plan.trial_days,
        plan.trial_credits * MICROS_PER_CREDIT,
        plan.grant_terms,
    )


def item_by_ref(plans: Iterable[Plan], provider: str, ref: str) -> PlanItem | None:
    for plan in plans:
        interval = plan.refs(provider).get(ref)
        is_sold = interval == "month" or plan.price_yearly is not None
        if interval is not None and is_sold:
            price = plan.price_monthly if interval == "month" else plan.price_yearly
            assert price is not None
            credits_micros = plan.credits_included * MONTHS[interval] * MICROS_PER_CREDIT
            return PlanItem(
                plan.id,
                interval,
                Price(price, plan.currency),
                plan.name,
                credits_micros,
                ref,
                grant_terms=plan.grant_terms,
            )
    return None


def check_plan(plan: Plan, fields: ProductFields) -> Plan:
    if not _ID.fullmatch(plan.id):
        raise InvalidInput(
            "An ID can have up to 64 characters: A-Z, a-z, 0-9, _ and -.", param="id"
        )
    _check_range(plan.price_monthly, "price_monthly", AMOUNT_MAX)
    if plan.price_yearly is not None:
        _check_range(plan.price_yearly, "price_yearly", AMOUNT_MAX)
    _check_range(plan.credits_included, "credits_included", CREDITS_MAX)
    _check_range(plan.trial_days, "trial_days", TRIAL_DAYS_MAX, least=0)
    _check_range(plan.trial_credits, "trial_credits", CREDITS_MAX, least=0)
    if plan.trial_credits and not plan.trial_days:
        raise InvalidInput("Trial credits require trial_days.", param="trial_credits")
    if len(plan.features) > FEATURES_MAX:
        raise InvalidInput(f"A plan can have at most {FEATURES_MAX} features.", param="features")
    for key, ref in plan.products.items():
        if not _REF.fullmatch(ref) or ref.startswith(_SANDBOX):
            raise InvalidInput(
                "An ID must have 1 to 200 visible ASCII characters.", param=fields.name_of(key)
            )
    return replace(
        plan,
        name=normalise_name(plan.name),
        description=_line(plan.description, "description", DESCRIPTION_CHARACTERS_MAX),
        features=tuple(_line(one, "features", FEATURE_CHARACTERS_MAX) for one in plan.features),
        currency=check_currency(plan.currency),
        grant_terms=check_terms(plan.grant_terms),
    )


async def create(tx: Transaction, plan: Plan, fields: ProductFields) -> Plan:
    checked = check_plan(plan, fields)
    listed = await list_plans(tx, plan.environment, with_inactive=True)
    if len(listed) >= PLANS_MAX:
        raise LimitReached(f"An environment can have at most {PLANS_MAX} plans.")
    _check_refs(checked, listed, fields)
    position = checked.position or max((one.position for one in listed), default=0) + 1
    made = replace(checked, position=position)
    inserted = await tx.insert("plans", _COLUMNS, [_row(made)], on_conflict=_KEEP)
    if inserted == 0:
        raise PlanTaken("There is already a plan with this ID.", param="id", reason="exists")
    await _write_products(tx, made)
    return made


async def change(
    tx: Transaction, place: PlanKey, changes: Mapping[str, Any], fields: ProductFields
) -> tuple[Plan, Plan]:
    """Change a plan, and return its old and new versions.

    `products` and `grant_terms` contain only changed entries. A product is removed if its value is None.
    """
    await tx.fetch(
        "SELECT id FROM plans WHERE environment = :environment AND id = :id FOR NO KEY UPDATE",
        environment=place[0],
        id=place[1],
    )
    before = await get(tx, place)
    products = {**before.products, **changes.get("products", {})}
    kept = {key: ref for key, ref in products.items() if ref is not None}
    terms = before.grant_terms.changed(changes.get("grant_terms", {}))
    wanted = {**changes, "products": kept, "grant_terms": terms}
    after = check_plan(replace(before, **wanted), fields)
    others = await list_plans(tx, place[0], with_inactive=True)
    _check_refs(after, [one for one in others if one.id != after.id], fields)
    key = {"environment": place[0], "id": place[1]}
    await update(tx, "plans", key, dict(zip(_COLUMNS, _row(after), strict=True)))
    await _write_products(tx, after)
    return before, after


async def get(tx: Transaction, place: PlanKey) -> Plan:
    rows = await tx.fetch(f"{_SELECT} AND p.id = :id", environment=place[0], id=place[1])
    if not rows:
        raise NotFound("Plan", param="plan_id")
    return _from_rows(rows)[0]


async def get_sold(tx: Transaction, place: PlanKey) -> Plan:
    found = await get(tx, place)
    if not found.is_active:
        raise NotFound("Plan", param="plan_id")
    return found


async def list_plans(
    tx: Transaction, environment: str, *, with_inactive: bool = False
) -> Sequence[Plan]:
    rows = await tx.fetch(
        f"{_SELECT} AND p.is_active >= :least ORDER BY p.position, p.id",
        environment=environment,
        least=int(not with_inactive),
    )
    return _from_rows(rows)


_ROWS = RowMapping(
    Plan,
    stored={"features": as_json(tuple[str, ...]), "grant_terms": AS_TERMS},
    without=("products",),
)
_COLUMNS = (*_ROWS.columns, *_MIRROR_COLUMNS.values())
_SELECT = f"""SELECT {", ".join(f"p.{column}" for column in _COLUMNS)}, x.provider, x.interval, x.ref
    FROM plans p LEFT JOIN plan_products x ON x.environment = p.environment AND x.plan_id = p.id
    WHERE p.environment = :environment"""
_KEEP = "ON CONFLICT DO NOTHING"


def _sandbox_ref(plan_id: str, interval: Interval) -> str:
    return _SANDBOX_REF.format(plan_id=plan_id, interval=interval)


def _check_refs(plan: Plan, others: Iterable[Plan], fields: ProductFields) -> None:
    taken: dict[str, tuple[str, ProductKey]] = {}
    for one in (*others, plan):
        for key, ref in one.products.items():
            if taken.setdefault(ref, (one.id, key)) != (one.id, key):
                raise PlanTaken(
                    f"{ref} is already taken.", param=fields.name_of(key), reason="exists"
                )


def _check_range(value: int, name: str, most: int, *, least: int = 1) -> None:
    if not least <= value <= most:
        raise InvalidInput(f"{name} must be from {least} to {most}.", param=name)


def _line(text: str, name: str, characters_max: int) -> str:
    line = text.strip()
    if len(line) > characters_max or _CONTROL.search(line):
        raise InvalidInput(f"Give one line of at most {characters_max} characters.", param=name)
    return line


async def _write_products(tx: Transaction, plan: Plan) -> None:
    await tx.execute(
        "DELETE FROM plan_products WHERE environment = :environment AND plan_id = :id",
        environment=plan.environment,
        id=plan.id,
    )
    await tx.insert(
        "plan_products",
        ("environment", "plan_id", "provider", "interval", "ref"),
        [(plan.environment, plan.id, *key, ref) for key, ref in sorted(plan.products.items())],
    )


def _row(plan: Plan) -> tuple[object, ...]:
    return (*_ROWS.write(plan), *(plan.products.get(key) for key in _MIRROR_COLUMNS))


def _from_rows(rows: Iterable[Row]) -> list[Plan]:
    found: dict[str, tuple[Row, dict[ProductKey, str]]] = {}
    for row in rows:
        _, products = found.setdefault(row["id"], (row, {}))
        if row["ref"] is not None:
            products[row["provider"], row["interval"]] = row["ref"]
    return [_plan(row, products) for row, products in found.values()]


def _plan(row: Row, products: dict[ProductKey, str]) -> Plan:
    for key, column in _MIRROR_COLUMNS.items():
        if row[column] is None:
            products.pop(key, None)
        else:
            products[key] = row[column]
    return replace(_ROWS.read(row), products=products)
