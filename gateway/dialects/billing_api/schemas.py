"""Define the Billing API's requests and responses. Amounts are in credits."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Generic, Literal, Self, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from billing.catalog import plan as plans
from billing.catalog.grant_terms import DEFAULT_TERMS, NEVER, GrantTerms, UseLimit
from billing.catalog.plan import Plan as StoredPlan
from billing.catalog.product_fields import ProductKey
from billing.credits import checkin
from billing.credits.adjustment import Adjusted
from billing.credits.checkin import CheckinSettings
from billing.ledger.money import MICROS_PER_CREDIT
from billing.orders.order import OrderStatus
from billing.orders.place import AMOUNT_CENTS_MAX, AMOUNT_CENTS_MIN
from billing.reports.balance_transactions import OFFSET_MAX, BalanceTransaction, Type
from gateway.answers.refusals import Refusal
from gateway.answers.response_codes import MISSING_SCOPE
from gateway.http.fields import cursor_id
from kernel.clock import SECOND_US, rfc3339, time_of
from kernel.errors import InvalidInput
from kernel.fields import WEB_URL, Fields, Int64, LooseFields, Text, Time as TimeText, given, within
from kernel.ids import new_id
from kernel.limits import PAGE_ITEMS_MAX, URL_CHARACTERS_MAX
from kernel.shaped import SIGNED, Shaped
from kernel.words import Time

T = TypeVar("T")
Url = Annotated[str, Meta(max_length=URL_CHARACTERS_MAX, extra_json_schema={"pattern": WEB_URL})]
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")
_CODES: Final = frozenset(
    {"already_checked_in", "budget_exhausted", "checkin_off", "already_subscribed", "exists"}
)
Limit = Annotated[int, Meta(ge=1, le=PAGE_ITEMS_MAX)]
# This API has fields only for these products and prices. For other providers, use `topup plans` or the dashboard.
PRODUCTS: Final[Mapping[ProductKey, str]] = {
    ("stripe", "month"): "stripe_price_id_monthly",
    ("stripe", "year"): "stripe_price_id_yearly",
    ("creem", "month"): "creem_product_id",
    ("creem", "year"): "creem_product_id_yearly",
}


# Codes that stay the same even if our message changes.
_KEPT: Final = {MISSING_SCOPE: "missing_scope"}


class Said(Struct, Generic[T], kw_only=True):
    """A successful response."""

    success: bool
    data: Annotated[T, Meta(description="The result.")]


class Problem(Struct, kw_only=True):
    """An error. `code` is a word, such as already_checked_in or malformed_request."""

    code: Annotated[
        str, Meta(description="A word, such as already_checked_in or malformed_request.")
    ]
    message: str

    @classmethod
    def of(cls, refusal: Refusal) -> "Problem":
        reason, param = refusal.error.get("reason"), refusal.error.get("param")
        word = _KEPT.get(refusal.code.code, refusal.message)
        if reason in _CODES:
            word = reason
        elif param == "coupon" and reason:
            word = f"coupon {reason}"
        return cls(code=_NOT_A_WORD.sub("_", word.lower()).strip("_"), message=refusal.sentence)


class Page(Struct, Generic[T], kw_only=True):
    """A page of a list. To get the next page, send next_cursor as `cursor`. If it is null, there is no next
    page.
    """

    success: bool
    data: Annotated[list[T], Meta(description="The entries of this page.")]
    next_cursor: str | None


class Refused(Struct, kw_only=True):
    """A refusal."""

    success: bool
    error: Annotated[Problem, Meta(description="The error.")]


class PageQuery(Fields, frozen=True, kw_only=True):
    """Selects a page of the list, newest first. The page starts at an offset or after a cursor.

    Unknown filters are refused.
    """

    limit: Annotated[Limit, Meta(description="The most entries on a page.")] = 20
    offset: Annotated[
        int, Meta(ge=0, le=OFFSET_MAX, description="The number of entries to skip.")
    ] = 0
    cursor: Text | None = None

    def before_id(self, prefix: str) -> str | None:
        """Return the ID where a cursor's page starts, or None for an offset. Raise InvalidInput if both are given."""
        if self.cursor is not None and self.offset:
            raise InvalidInput("Give either `offset` or `cursor`.", param="cursor")
        return cursor_id(self.cursor, prefix)


class OrdersQuery(PageQuery, frozen=True, kw_only=True):
    """Selects orders, optionally with one status."""

    status: OrderStatus | None = None


class PlansQuery(LooseFields, frozen=True, kw_only=True):
    """The environment whose plans are listed. By default, it is `live`. If live sells no plans, it is `staging`."""

    environment: Literal["staging", "live"] | None = None


class SessionBody(LooseFields, frozen=True, kw_only=True):
    """The purchase. A subscription has plan_id. A top-up has pack_id, or amount_cents in US cents.

    coupon_code is an alias of coupon.
    """

    channel: Annotated[Text, Meta(description="The payment provider.")]
    type: Annotated[
        Literal["subscription", "topup"],
        Meta(description="The purchase: a plan, or credit once."),
    ]
    plan_id: Text | None = None
    interval: Literal["month", "year"] = "month"
    pack_id: Text | None = None
    amount_cents: Annotated[Int64, within(AMOUNT_CENTS_MIN, AMOUNT_CENTS_MAX)] | None = None
    coupon: Text | None = None
    coupon_code: Text | None = None
    success_url: Url | None = None
    cancel_url: Url | None = None

    @property
    def coupon_named(self) -> str | None:
        if None not in {self.coupon, self.coupon_code} and self.coupon != self.coupon_code:
            raise InvalidInput(
                "`coupon_code` and `coupon` name different coupons. Send only one of them.",
                param="coupon_code",
            )
        return self.coupon if self.coupon is not None else self.coupon_code


class PortalBody(LooseFields, frozen=True, kw_only=True):
    """The URL to which the portal returns the user."""

    return_url: Url


class NoBody(LooseFields, frozen=True, kw_only=True):
    """A body whose fields are all ignored."""


class Balance(Struct, kw_only=True):
    """The balance, in credits."""

    balance: Annotated[int, Meta(description="The balance in credits, rounded down.")]


class Transaction(Shaped, kw_only=True):
    """A change of the balance. `amount` is rounded toward zero."""

    id: str
    type: Annotated[Type, Meta(description="The reason for the change.")]
    amount: Annotated[
        int,
        Meta(
            extra_json_schema=SIGNED,
            description="The change in credits, negative if the balance fell.",
        ),
    ]
    description: str
    created_at: Time
    amount_micros: Annotated[
        int, Meta(extra_json_schema=SIGNED, description="The exact change. 1 credit is 1,000.")
    ]

    @classmethod
    def of(cls, moved: BalanceTransaction, /, **more: Any) -> Self:
        credits_ = abs(moved.amount_micros) // MICROS_PER_CREDIT
        return super().of(moved, amount=credits_ if moved.amount_micros >= 0 else -credits_, **more)


class Plan(Shaped, kw_only=True):
    """A plan for sale. Prices are in the currency's smallest unit. credits_included is the credit for a month."""

    id: str
    name: str
    description: str
    price_monthly: int
    price_yearly: Annotated[int | None, Meta(description="The yearly price, or null.")]
    credits_included: int
    features: list[str]
    currency: str
    active: bool
    credit_expires: Annotated[
        str, Meta(description="The expiry: never, period_end, or days such as 30d.")
    ]
    rollover_max_credits: Annotated[int | None, Meta(description="The rollover limit, or null.")]
    grants: Literal["at_once", "monthly"]
    entitlements: dict[str, bool | UseLimit]
    on_repurchase: Literal["extend", "reset", "stack"]
    when_used_up: Literal["wallet", "stop"]
    stripe_price_id_monthly: str | None
    stripe_price_id_yearly: str | None
    creem_product_id: str | None
    creem_product_id_yearly: str | None
    trial_days: Annotated[int, Meta(description="The length of the trial, or 0.")]
    trial_credits: Annotated[int, Meta(description="The credits that a trial grants.")]

    @classmethod
    def of(cls, plan: plans.Plan, /, **more: Any) -> Self:
        products = {name: plan.products.get(key) for key, name in PRODUCTS.items()}
        terms = asdict(plan.grant_terms)
        return super().of(plan, active=plan.is_active, **terms, **products, **more)


class CheckedIn(Struct, kw_only=True):
    """A check-in. `streak` counts consecutive days, including this one."""

    credits_awarded: Annotated[int, Meta(description="The credits awarded today.")]
    streak: Annotated[int, Meta(description="The number of days in a row, including today.")]
    balance: Annotated[int, Meta(description="The balance afterwards, in credits.")]
    next_checkin_at: Time

    @classmethod
    def of(cls, done: checkin.CheckedIn) -> "CheckedIn":
        """Round next_checkin_at up to a full second, so that a check-in is certainly allowed then."""
        next_s = -(-done.checkin.next_at // SECOND_US)
        return cls(
            credits_awarded=done.checkin.awarded_micros // MICROS_PER_CREDIT,
            streak=done.checkin.streak,
            balance=done.balance_micros // MICROS_PER_CREDIT,
            next_checkin_at=rfc3339(next_s * SECOND_US),
        )


class Session(Struct, kw_only=True):
    """A checkout. `url` is the payer's page. session_id is the provider's ID, or null if there is nothing
    to pay.
    """

    url: Annotated[str, Meta(description="The page where the payer pays.")]
    session_id: Annotated[
        str | None, Meta(description="The provider's session ID. Null if nothing is to be paid.")
    ]
    order_id: str


class Portal(Struct, kw_only=True):
    """The provider's page on which a user manages their plan."""

    url: Annotated[str, Meta(description="The page where the user manages the plan.")]


class AdminQuery(Fields, frozen=True, kw_only=True):
    """Selects entries of an administration list. created_after is inclusive, and created_before is
    exclusive.
    """

    limit: Annotated[Limit, Meta(description="The most entries on a page.")] = 50
    cursor: Text | None = None
    account_id: Text | None = None
    type: Annotated[Type, Meta(description="Return only transactions of this type.")] | None = None
    created_after: Text | None = None
    created_before: Text | None = None


Line = Annotated[str, Meta(max_length=500)]
Features = Annotated[list[Text], Meta(max_length=30)]
Ref = Text | UnsetType | None


class UseLimitBody(Fields, frozen=True, kw_only=True):
    """The number of uses allowed in a UTC day, a UTC month or a paid period."""

    limit: Annotated[Int64, Meta(description="The number of uses.")]
    period: Annotated[
        Literal["day", "month", "period"],
        Meta(description="The period: a UTC day, a UTC month or a paid period."),
    ] = "month"


CreditExpires = Annotated[
    Text, Meta(description="The expiry: never, period_end, or days such as 30d.")
]
Grants = Literal["at_once", "monthly"]
Entitlements = dict[str, bool | UseLimitBody]
OnRepurchase = Literal["extend", "reset", "stack"]
WhenUsedUp = Literal["wallet", "stop"]
_TERMS: Final = GrantTerms.__struct_fields__


class PlanBody(Fields, frozen=True, kw_only=True):
    """A plan to sell. If `id` is omitted, it is generated."""

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

    def plan(self, environment: str, now_us: int) -> StoredPlan:
        values = msgspec.structs.asdict(self)
        is_active, features = values.pop("active"), tuple(values.pop("features"))
        values["id"] = self.id or new_id("plan")
        named = {key: values.pop(name) for key, name in PRODUCTS.items()}
        terms = DEFAULT_TERMS.changed({name: values.pop(name) for name in _TERMS})
        return StoredPlan(
            environment=environment,
            is_active=is_active,
            features=features,
            grant_terms=terms,
            created_at=now_us,
            products={key: ref for key, ref in named.items() if ref is not None},
            **values,
        )


class PlanChanges(Fields, frozen=True, kw_only=True):
    """Changes to a plan. Omitted fields stay unchanged, and null removes an optional one."""

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
    """A coupon that takes off a percentage or an amount. amount_off is in the currency's smallest unit."""

    code: Annotated[Text, Meta(description="The code that payers enter.")]
    percent: Int64 | None = None
    amount_off: Int64 | None = None
    currency: Text | None = None
    minimum_amount: Int64 | None = None
    uses_max: Int64 | None = None
    uses_per_account: Int64 | None = None
    expires_at: TimeText | None = None


class CouponsQuery(Fields, frozen=True, kw_only=True):
    """Selects a page of coupons, newest first."""

    limit: Annotated[Limit, Meta(description="The most entries on a page.")] = 50
    cursor: Text | None = None


class ManualBody(Fields, frozen=True, kw_only=True):
    """A manual change of a balance. `environment` must be the credential's environment.

    Promotional credit isn't purchased, and may expire.
    """

    account_id: Text
    amount: Annotated[
        Int64,
        Meta(
            extra_json_schema=SIGNED,
            description="The credits to add, or to remove if negative.",
        ),
    ]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    promotional: bool = False
    expires_at: TimeText | None = None
    environment: Literal["staging", "live"] | None = None


class ConfigBody(Fields, frozen=True, kw_only=True):
    """The award for a check-in: `credits` if it is fixed, or min_credits and max_credits if it is random."""

    enabled: bool | UnsetType = UNSET
    credits: Int64 | UnsetType = UNSET
    min_credits: Int64 | UnsetType = UNSET
    max_credits: Int64 | UnsetType = UNSET
    daily_budget_credits: (
        Annotated[
            Int64,
            Meta(description="The limit for a UTC day. Null means none."),
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
    """A transaction, with its account."""

    account_id: str
    environment: str


class Adjustment(Struct, kw_only=True):
    """A manual change. `balance` is the account's balance afterwards, in credits."""

    id: str
    account_id: str
    environment: str
    amount: Annotated[
        int,
        Meta(
            extra_json_schema=SIGNED,
            description="The credits that were added, or removed if negative.",
        ),
    ]
    reason: str
    balance: Annotated[
        int,
        Meta(extra_json_schema=SIGNED, description="The account's balance afterwards, in credits."),
    ]
    promotional: bool
    expires_at: Annotated[Time | None, Meta(description="The expiry. Null means never.")]

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
    """The award of a check-in: `credits`, or a random number from min_credits to max_credits."""

    enabled: bool
    credits: int | UnsetType = UNSET
    min_credits: int | UnsetType = UNSET
    max_credits: int | UnsetType = UNSET
    daily_budget_credits: Annotated[
        int | None, Meta(description="The limit for a UTC day. Null means none.")
    ]
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
