"""Plans: credit sold by the month or by the year."""

from collections.abc import Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType, convert, field

from billing.catalog import plan as plans
from billing.catalog.grant_terms import (
    DEFAULT_TERMS,
    ROLLOVER_CREDITS_MAX,
    entitlement_lines,
    entitlements_of,
)
from billing.catalog.plan import CREDITS_MAX, TRIAL_DAYS_MAX, PlanTaken
from billing.catalog.product_fields import ProductFields
from billing.ledger.price import check_currency, price_of
from kernel.errors import InvalidInput, LimitReached
from kernel.fields import Fields, FormLayout, Page, ShortText, Text, given, said
from kernel.words import CurrencyCode, Environment, MinorUnits
from keys.act import OPERATOR, Act, ActContext, Audited, Change, ListAct, ReadAct
from store.keyset import Begin

Name = Annotated[Text, Meta(description="The name that payers see.")]
Description = Annotated[
    str, Meta(max_length=plans.DESCRIPTION_CHARACTERS_MAX, description="A sentence for payers.")
]
PriceMonthly = Annotated[
    ShortText,
    Meta(description="The price, as a decimal number such as 20.00."),
    said("Monthly price", unit="minor"),
]
PriceYearly = Annotated[
    ShortText,
    Meta(
        description="The yearly price, as a decimal number. Without one, the plan isn't sold by the year."
    ),
    said("Yearly price", hint="Blank: not sold by the year.", unit="minor"),
]
CurrencyText = Annotated[ShortText, Meta(description="The currency (ISO 4217).")]
CreditsIncluded = Annotated[
    int,
    Meta(
        ge=1,
        le=CREDITS_MAX,
        description="Credits for one month. 1,000 are worth $1.00, and a paid year grants twelve times as many.",
    ),
    said("Monthly credits"),
]
TrialDays = Annotated[
    int,
    Meta(ge=0, le=TRIAL_DAYS_MAX, description="Days before the first payment; 0 means no trial."),
    said("Trial (days)"),
]
TrialCredits = Annotated[
    int,
    Meta(ge=0, le=CREDITS_MAX, description="Credits that a trial grants."),
    said("Trial credits"),
]
Features = Annotated[
    list[str],
    Meta(max_length=plans.FEATURES_MAX, description="The lines of the plan's feature list."),
    said(hint="One per line.", unit="lines"),
]
Position = Annotated[int, Meta(ge=0, le=1_000_000, description="The position; 0 puts it last.")]
CreditExpires = Annotated[
    ShortText,
    Meta(
        description="When the plan's credit expires: never, period_end, or after a number of days such as 30d."
    ),
    said("Credit expiry"),
]
RolloverMax = Annotated[
    int,
    Meta(
        ge=0,
        le=ROLLOVER_CREDITS_MAX,
        description="How many unused credits roll over into the next period.",
    ),
    said("Rollover limit", hint="In credits. Blank: nothing rolls over."),
]
Grants = Annotated[
    Literal["at_once", "monthly"],
    Meta(
        description="at_once: all credit is granted when the period is paid. monthly: a paid year grants its credit"
        " month by month."
    ),
    said("Credit of a paid year", words={"at_once": "At once", "monthly": "Month by month"}),
]
Entitlements = Annotated[
    list[str],
    Meta(
        description="What the plan entitles to: name=yes, name=no or name=100/month (day, month or period)."
    ),
    said(hint="One per line: exports=100/month, api=yes. The period is day, month or period."),
]
OnRepurchase = Annotated[
    Literal["stack", "extend", "reset"],
    Meta(
        description="What happens to unused credit when the plan is paid again. stack: it keeps its expiry; extend:"
        " it gets the expiry of the new credit; reset: it expires at once."
    ),
    said("Unused credit on renewal"),
]
WhenUsedUp = Annotated[
    Literal["wallet", "stop"],
    Meta(
        description="What happens when the plan's credit is used up. wallet: usage continues from the wallet; stop:"
        " usage is refused."
    ),
    said("When the credit is used up"),
]
Products = Annotated[
    dict[str, str | None],
    Meta(
        description="The plan's price and product IDs at the providers, such as stripe_price_id_monthly. Null removes"
        " one."
    ),
    said(
        "Provider price and product IDs",
        hint="One per line, such as stripe_price_id_monthly=price_1Abc.",
        unit="pairs",
    ),
]


class OfferedPlan(NamedTuple):
    plan: plans.Plan
    fields: ProductFields

    @property
    def id(self) -> str:
        return self.plan.id

    def shape(self) -> dict[str, Any]:
        return self.plan.shape(self.fields)


class Plan(Struct, kw_only=True):
    """A plan with its prices and terms."""

    environment: Environment
    id: str
    name: str
    description: str
    price_monthly: Annotated[MinorUnits, said("Monthly")]
    price_yearly: Annotated[MinorUnits | None, said("Yearly", unit="minor")]
    currency: CurrencyCode
    credits_included: CreditsIncluded
    trial_days: TrialDays
    trial_credits: TrialCredits
    features: Features
    active: bool
    credit_expires: CreditExpires
    rollover_max_credits: RolloverMax | None
    grants: Grants
    entitlements: Entitlements
    on_repurchase: OnRepurchase
    when_used_up: WhenUsedUp
    products: Products

    @classmethod
    def of(cls, offered: OfferedPlan) -> "Plan":
        plan, terms = offered.plan, offered.plan.grant_terms
        more = {
            "environment": plan.environment,
            "entitlements": entitlement_lines(terms.entitlements),
            "products": offered.fields.shown(plan.products),
        }
        return convert(offered.shape() | more, cls)


_LAYOUT: Final = FormLayout(
    "This plan",
    {
        "Plan": "id name description features",
        "Price": "price_monthly price_yearly currency products",
        "Credit": "credits_included credit_expires rollover_max_credits grants on_repurchase when_used_up",
        "Trial and extras": "",
    },
    {
        "price_monthly": "Costs %(value)s a month.",
        "price_yearly": "Costs %(value)s a year.",
        "credits_included": "Grants %(value)s credits a month.",
        "credit_expires": {
            "never": "Its credit never expires.",
            "period_end": "Its credit expires with the period.",
            "": "Its credit expires %(value)s after it is granted.",
        },
        "rollover_max_credits": "At most %(value)s credits roll over into the next period.",
        "grants": {"monthly": "Grants a paid year's credit month by month."},
        "on_repurchase": {
            "stack": "When it is paid again, unused credit keeps its expiry.",
            "extend": "When it is paid again, unused credit expires with the new credit.",
            "reset": "When it is paid again, unused credit expires at once.",
        },
        "when_used_up": {
            "wallet": "When its credit is used up, usage continues from the wallet.",
            "stop": "When its credit is used up, usage is refused.",
        },
        "trial_days": "Begins with a free trial of %(value)s days.",
        "trial_credits": "Grants %(value)s credits for the trial.",
        "entitlements": "Includes %(value)s.",
    },
    {
        "price_yearly": "Isn't sold by the year.",
        "rollover_max_credits": "No credit rolls over into the next period.",
        "trial_days": "Has no trial.",
    },
)


class NewPlan(Fields, frozen=True, kw_only=True):
    """A plan to sell."""

    layout: ClassVar[FormLayout | None] = _LAYOUT
    id: Annotated[ShortText, Meta(description="Letters, digits, _ and -, such as pro."), said("ID")]
    name: Name
    description: Description = ""
    price_monthly: PriceMonthly
    price_yearly: PriceYearly | None = None
    currency: CurrencyText = "USD"
    credits_included: CreditsIncluded
    trial_days: TrialDays = 0
    trial_credits: TrialCredits = 0
    features: Features = field(default_factory=list)
    credit_expires: CreditExpires = DEFAULT_TERMS.credit_expires
    rollover_max_credits: RolloverMax | None = None
    grants: Grants = DEFAULT_TERMS.grants
    on_repurchase: OnRepurchase = DEFAULT_TERMS.on_repurchase
    when_used_up: WhenUsedUp = DEFAULT_TERMS.when_used_up
    entitlements: Entitlements = field(default_factory=list)
    products: Products = field(default_factory=dict)
    position: Position = 0


class PlanChanges(Fields, frozen=True, kw_only=True):
    """The fields to change. Omitted fields keep their values."""

    layout: ClassVar[FormLayout | None] = _LAYOUT
    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    price_monthly: PriceMonthly | UnsetType = UNSET
    price_yearly: PriceYearly | UnsetType | None = UNSET
    currency: CurrencyText | UnsetType = UNSET
    credits_included: CreditsIncluded | UnsetType = UNSET
    trial_days: TrialDays | UnsetType = UNSET
    trial_credits: TrialCredits | UnsetType = UNSET
    features: Features | UnsetType = UNSET
    credit_expires: CreditExpires | UnsetType = UNSET
    rollover_max_credits: RolloverMax | UnsetType | None = UNSET
    grants: Grants | UnsetType = UNSET
    on_repurchase: OnRepurchase | UnsetType = UNSET
    when_used_up: WhenUsedUp | UnsetType = UNSET
    entitlements: Entitlements | UnsetType = UNSET
    products: Products | UnsetType = UNSET


class PlanQuery(Page, frozen=True, kw_only=True):
    all: Annotated[bool, Meta(description="Include plans that are no longer sold.")] = False


_TERMS = tuple(DEFAULT_TERMS.__struct_fields__)


def _changes(asked: Mapping[str, Any], currency: str, fields: ProductFields) -> dict[str, Any]:
    changes = dict(asked)
    for name in ("price_monthly", "price_yearly"):
        if changes.get(name) is not None:
            changes[name] = price_of(changes[name], currency, param=name).amount
    if "entitlements" in changes:
        changes["entitlements"] = entitlements_of(changes["entitlements"])
    if "rollover_max_credits" in changes:
        changes["rollover_max_credits"] = changes["rollover_max_credits"] or None
    if "description" in changes:
        changes["description"] = changes["description"] or ""
    if "products" in changes:
        changes["products"] = fields.checked(changes["products"])
    terms = {name: changes.pop(name) for name in _TERMS if name in changes}
    return {**changes, "grant_terms": terms}


async def create_plan(context: ActContext, asked: NewPlan) -> Change[OfferedPlan]:
    fields, currency = context.service(ProductFields), check_currency(asked.currency)
    changes = _changes(given(asked), currency, fields)
    products = {key: ref for key, ref in changes.pop("products").items() if ref is not None}
    plan = plans.Plan(
        **{
            **changes,
            "currency": currency,
            "environment": context.environment,
            "grant_terms": DEFAULT_TERMS.changed(changes["grant_terms"]),
            "products": products,
            "created_at": context.now_us,
        }
    )
    return Change(after=OfferedPlan(await plans.create(context.tx, plan, fields), fields))


async def set_plan(context: ActContext, asked: PlanChanges) -> Change[OfferedPlan]:
    place, fields = (context.environment, context.object_id), context.service(ProductFields)
    values = given(asked)
    if values.get("trial_days") == 0:
        values.setdefault("trial_credits", 0)
    plan = await plans.get(context.tx, place)
    currency = values["currency"] = check_currency(values.get("currency", plan.currency))
    for name in ("price_monthly", "price_yearly"):
        is_left = name not in values and getattr(plan, name) is not None
        if currency != plan.currency and is_left:
            raise InvalidInput("This is required if the currency changes.", param=name)
    return await change_plan(context, _changes(values, currency, fields))


async def change_plan(context: ActContext, changes: Mapping[str, Any]) -> Change[OfferedPlan]:
    place, fields = (context.environment, context.object_id), context.service(ProductFields)
    before, after = await plans.change(context.tx, place, changes, fields)
    return Change(before=OfferedPlan(before, fields), after=OfferedPlan(after, fields))


async def _set_active(
    context: ActContext, _asked: Fields, *, is_active: bool
) -> Change[OfferedPlan]:
    return await change_plan(context, {"is_active": is_active})


async def list_plans(
    context: ActContext, asked: PlanQuery, _begin: Begin, _limit: int
) -> Sequence[OfferedPlan]:
    found = await plans.list_plans(context.tx, context.environment, with_inactive=asked.all)
    return [OfferedPlan(one, context.service(ProductFields)) for one in found]


async def show_plan(context: ActContext) -> OfferedPlan:
    plan = await plans.get(context.tx, (context.environment, context.object_id))
    return OfferedPlan(plan, context.service(ProductFields))


LIST_PLANS = ListAct(
    name="plans.list",
    summary="List the plans in the catalogue's order",
    path="/plans",
    audience=(OPERATOR,),
    query=PlanQuery,
    run=list_plans,
    result=Plan,
    is_catalogue=True,
    columns=("id", "name", "price_monthly", "price_yearly", "credits_included", "active"),
    examples=("topup plans list --all",),
)
SHOW_PLAN = ReadAct(
    name="plans.show",
    summary="Show one plan",
    path="/plans/{plan_id}",
    audience=(OPERATOR,),
    run=show_plan,
    result=Plan,
    is_catalogue=True,
    examples=("topup plans show pro --environment live",),
)
CREATE_PLAN = Act(
    name="plans.create",
    moves_money=True,
    summary="Create a plan",
    path="/plans",
    audience=(OPERATOR,),
    input=NewPlan,
    run=create_plan,
    result=Plan,
    status=201,
    refuses=(PlanTaken, LimitReached),
    is_catalogue=True,
    audit=Audited("plan.create", OfferedPlan.shape, is_whole=True),
    done="The plan is offered from now on.",
    examples=(
        "topup plans create --id pro --name Pro --price-monthly 20.00 --price-yearly 200.00 --credits-included 20000",
        (
            "topup plans create --id max --name Max --price-monthly 50.00 --credits-included 60000"
            " --credit-expires period_end --rollover-max-credits 20000 --entitlement exports=100/month"
        ),
    ),
)
SET_PLAN = Act(
    name="plans.set",
    moves_money=True,
    summary="Change a plan",
    description="Existing subscribers keep their terms.",
    path="/plans/{plan_id}",
    method="PATCH",
    audience=(OPERATOR,),
    input=PlanChanges,
    run=set_plan,
    result=Plan,
    refuses=(PlanTaken,),
    is_catalogue=True,
    audit=Audited("plan.update", OfferedPlan.shape, is_whole=True),
    done="The plan's terms are saved. They apply to new subscribers.",
    examples=(
        "topup plans set pro --product stripe_price_id_monthly=price_1Abc",
        "topup plans set pro --credit-expires period_end --rollover-max-credits 20000",
        "topup plans set pro --trial-days 14 --trial-credits 500",
    ),
)
DISABLE_PLAN = Act(
    name="plans.disable",
    undo="plans.enable",
    summary="Disable a plan",
    description="The plan can't be bought any more. Existing subscribers keep it.",
    path="/plans/{plan_id}/disable",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_set_active, is_active=False),
    result=Plan,
    is_catalogue=True,
    audit=Audited("plan.update", OfferedPlan.shape, is_whole=True),
    applies=attrgetter("active"),
    done="The plan is no longer offered. Existing subscribers keep it.",
    examples=("topup plans disable pro",),
)
ENABLE_PLAN = Act(
    name="plans.enable",
    undo="plans.disable",
    moves_money=True,
    summary="Enable a plan",
    description="The plan can be bought again.",
    path="/plans/{plan_id}/enable",
    audience=(OPERATOR,),
    input=Fields,
    run=partial(_set_active, is_active=True),
    result=Plan,
    is_catalogue=True,
    audit=Audited("plan.update", OfferedPlan.shape, is_whole=True),
    applies=lambda plan: not plan.active,
    done="The plan is offered again.",
    examples=("topup plans enable pro",),
)
ACTS = (LIST_PLANS, SHOW_PLAN, CREATE_PLAN, SET_PLAN, DISABLE_PLAN, ENABLE_PLAN)
