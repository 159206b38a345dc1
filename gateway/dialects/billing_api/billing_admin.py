"""The shapes of the Billing API dialect's administration."""

from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from billing.catalog.grant_terms import DEFAULT_TERMS, NEVER, GrantTerms
from billing.catalog.plan import Plan
from billing.credits.adjustment import Adjusted
from billing.credits.checkin import CheckinSettings
from billing.ledger.money import MICROS_PER_CREDIT
from gateway.dialects.billing_api.schemas import PRODUCTS, Limit, Transaction
from kernel.errors import InvalidInput
from kernel.fields import Fields, Int64, Text, Time as TimeText, given
from kernel.ids import new_id
from kernel.shaped import SIGNED
from kernel.words import Time, time_of

T = TypeVar("T")
Line = Annotated[str, Meta(max_length=500)]
Features = Annotated[list[Text], Meta(max_length=30)]
Ref = Text | UnsetType | None


class UseLimitBody(Fields, frozen=True, kw_only=True):
    """How often something may be used in a UTC day, a UTC month or a paid period."""

    limit: Annotated[Int64, Meta(description="How many uses.")]
    period: Annotated[
        Literal["day", "month", "period"],
        Meta(description="In a UTC day, a UTC month or a paid period."),
    ] = "month"


CreditExpires = Annotated[Text, Meta(description="never, period_end, or days such as 30d.")]
Grants = Literal["at_once", "monthly"]
Entitlements = dict[str, bool | UseLimitBody]
OnRepurchase = Literal["extend", "reset", "stack"]
WhenUsedUp = Literal["wallet", "stop"]
_TERMS: Final = GrantTerms.__struct_fields__


class PlanBody(Fields, frozen=True, kw_only=True):
    """A plan to sell; its id is made if omitted."""

    id: Text | None = None
    name: Text
    description: Line = ""
    price_monthly: Int64
    price_yearly: Int64 | None = None
    credits_included: Int64
    trial_days: Int64 = 0
    trial_credits: Int64 = 0
    features: Features = msgspec.field(default_factory=list)
    currency: Text = "USD"
    active: bool = True
    credit_expires: CreditExpires = NEVER
    rollover_max_credits: Int64 | None = None
    grants: Grants = "at_once"
    entitlements: Entitlements = msgspec.field(default_factory=dict)
    on_repurchase: OnRepurchase = "stack"
    when_used_up: WhenUsedUp = "wallet"
    stripe_price_id_monthly: Text | None = None
    stripe_price_id_yearly: Text | None = None
    creem_product_id: Text | None = None
    creem_product_id_yearly: Text | None = None

    def plan(self, environment: str, now_us: int) -> Plan:
        values = msgspec.structs.asdict(self)
        is_active, features = values.pop("active"), tuple(values.pop("features"))
        values["id"] = self.id or new_id("plan")
        named = {key: values.pop(name) for key, name in PRODUCTS.items()}
        terms = DEFAULT_TERMS.changed({name: values.pop(name) for name in _TERMS})
        return Plan(
            environment=environment,
            is_active=is_active,
            features=features,
            grant_terms=terms,
            created_at=now_us,
            products={key: ref for key, ref in named.items() if ref is not None},
            **values,
        )


class PlanChanges(Fields, frozen=True, kw_only=True):
    """Changes to a plan; omitted fields stay as they are, and null removes an optional one."""

    name: Text | UnsetType = UNSET
    description: Line | UnsetType = UNSET
    price_monthly: Int64 | UnsetType = UNSET
    price_yearly: Int64 | UnsetType | None = UNSET
    credits_included: Int64 | UnsetType = UNSET
    trial_days: Int64 | UnsetType = UNSET
    trial_credits: Int64 | UnsetType = UNSET
    features: Features | UnsetType = UNSET
    currency: Text | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    credit_expires: CreditExpires | UnsetType = UNSET
    rollover_max_credits: Int64 | UnsetType | None = UNSET
    grants: Grants | UnsetType = UNSET
    entitlements: Entitlements | UnsetType = UNSET
    on_repurchase: OnRepurchase | UnsetType = UNSET
    when_used_up: WhenUsedUp | UnsetType = UNSET
    stripe_price_id_monthly: Ref = UNSET
    stripe_price_id_yearly: Ref = UNSET
    creem_product_id: Ref = UNSET
    creem_product_id_yearly: Ref = UNSET

    def changes(self) -> dict[str, Any]:
        changes = given(self, active="is_active")
        named = {key: changes.pop(name) for key, name in PRODUCTS.items() if name in changes}
        terms = {name: changes.pop(name) for name in _TERMS if name in changes}
        return {**changes, "products": named, "grant_terms": terms}


class CouponBody(Fields, frozen=True, kw_only=True):
    """percent, or amount_off in the currency's smallest unit."""

    code: Annotated[Text, Meta(description="What the payer types.")]
    percent: Int64 | None = None
    amount_off: Int64 | None = None
    currency: Text | None = None
    minimum_amount: Int64 | None = None
    uses_max: Int64 | None = None
    uses_per_account: Int64 | None = None
    expires_at: TimeText | None = None


class CouponsQuery(Fields, frozen=True, kw_only=True):
    """The query of the coupons' list, newest first."""

    limit: Annotated[Limit, Meta(description="How many there are on a page.")] = 50
    cursor: Text | None = None


class ManualBody(Fields, frozen=True, kw_only=True):
    """A manual credit; environment must be the credential's.

    Promotional credit isn't purchased and may expire.
    """

    account_id: Text
    amount: Annotated[
        Int64,
        Meta(
            extra_json_schema=SIGNED,
            description="What is given (above 0) or taken away, in credits.",
        ),
    ]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    promotional: bool = False
    expires_at: TimeText | None = None
    environment: Literal["staging", "live"] | None = None


class ConfigBody(Fields, frozen=True, kw_only=True):
    """The award: credits for a fixed one, or min_credits and max_credits for a random one."""

    enabled: bool | UnsetType = UNSET
    credits: Int64 | UnsetType = UNSET
    min_credits: Int64 | UnsetType = UNSET
    max_credits: Int64 | UnsetType = UNSET
    daily_budget_credits: (
        Annotated[
            Int64,
            Meta(
                description="The most that all check-ins of a UTC day may award, in credits; null: no limit."
            ),
        ]
        | UnsetType
        | None
    ) = UNSET
    streak_bonus_credits: Int64 | UnsetType = UNSET
    streak_days_max: Int64 | UnsetType = UNSET

    def changes(self) -> dict[str, Any]:
        changes = given(
            self, enabled="is_enabled", min_credits="credits_min", max_credits="credits_max"
        )
        fixed = changes.pop("credits", None)
        if fixed is None:
            return changes
        if {"credits_min", "credits_max"} & changes.keys():
            raise InvalidInput(
                "Give either `credits`, or `min_credits` and `max_credits`.", param="credits"
            )
        return {**changes, "credits_min": fixed, "credits_max": fixed}

    def names(self) -> dict[str, str]:
        is_fixed = self.credits is not UNSET
        least, most = ("credits", "credits") if is_fixed else ("min_credits", "max_credits")
        return {"credits_min": least, "credits_max": most}


class AccountTransaction(Transaction, kw_only=True):
    """A transaction, and whose it is."""

    account_id: str
    environment: str


class Adjustment(Struct, kw_only=True):
    """A manual change; balance is the account's after it, in credits."""

    id: str
    account_id: str
    environment: str
    amount: Annotated[
        int,
        Meta(
            extra_json_schema=SIGNED,
            description="What was given (above 0) or taken away, in credits.",
        ),
    ]
    reason: str
    balance: Annotated[
        int,
        Meta(extra_json_schema=SIGNED, description="The account's balance after it, in credits."),
    ]
    promotional: bool
    expires_at: Annotated[Time | None, Meta(description="Null: it never ends.")]

    @classmethod
    def of(cls, done: Adjusted) -> "Adjustment":
        return cls(
            id=done.id,
            account_id=done.tenant.account_id,
            environment=done.tenant.environment,
            amount=done.credits,
            reason=done.reason,
            promotional=done.is_promotional,
            expires_at=time_of(done.expires_at),
            balance=done.balance_micros // MICROS_PER_CREDIT,
        )


class Config(Struct, kw_only=True, omit_defaults=True):
    """What a check-in awards: credits, or at random from min_credits to max_credits."""

    enabled: bool
    credits: int | UnsetType = UNSET
    min_credits: int | UnsetType = UNSET
    max_credits: int | UnsetType = UNSET
    daily_budget_credits: Annotated[int | None, Meta(description="Null: without a limit.")]
    streak_bonus_credits: int
    streak_days_max: int

    @classmethod
    def of(cls, settings: CheckinSettings) -> "Config":
        low, high = settings.credits_min, settings.credits_max
        is_fixed = low == high
        return cls(
            enabled=settings.is_enabled,
            credits=low if is_fixed else UNSET,
            min_credits=UNSET if is_fixed else low,
            max_credits=UNSET if is_fixed else high,
            daily_budget_credits=settings.daily_budget_credits,
            streak_bonus_credits=settings.streak_bonus_credits,
            streak_days_max=settings.streak_days_max,
        )
