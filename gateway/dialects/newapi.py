"""Newapi: imitate this vendor's API for top-ups (contract 5.1).

Every error is {"success": false, "message"}. IDs are integers, times are Unix seconds, and a dollar is 500,000 quota
units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from billing.catalog.plan import MONTHS, Plan, item_of, list_plans
from billing.credits.code_acts import REDEEM, RedeemedCode, RedemptionsRedeemBody
from billing.credits.redemption_code import CodeRedeemed
from billing.ledger.money import MICROS_PER_QUOTA, MICROS_PER_USD
from billing.ledger.price import Price
from billing.orders.place import AMOUNT_CENTS_MAX, NewOrder
from billing.providers.protocol import Registration
from billing.providers.registry import Providers
from billing.reports import credit_history
from billing.reports.credit_history import CreditLine
from billing.topups.send import AmountOutOfRange
from billing.topups.voucher_redemption import Redeemed as VoucherRedeemed
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer, Number, number, plain_answer, price_number
from gateway.answers.outcome import ok
from gateway.answers.refusals import Refusal
from gateway.http.acts import Door
from gateway.http.idempotency import run_steps
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Route
from kernel.clock import SECOND_US
from kernel.errors import InvalidInput
from kernel.fields import Fields, Int64, LooseFields, Text, within
from kernel.ids import number_of
from keys.authenticator import InvalidCredential
from keys.principal import Environment
from runtime.setting_forms.groups import PLACES, discounts_of
from runtime.settings import Settings
from store.database import Transaction


class Refused(Struct, kw_only=True):
    """A refusal."""

    success: bool
    message: str


class PayMethod(Struct, kw_only=True):
    """A payment method. `type` is the value that `pay` accepts as payment_method."""

    name: str
    type: Annotated[str, Meta(description="The payment_method for `pay`.")]
    color: Annotated[str, Meta(description="The button's colour, in CSS.")]
    min_topup: Annotated[str, Meta(description="The smallest amount, in dollars.")]


class CreemProduct(Struct, kw_only=True):
    """A Creem product that sells a plan. `quota` is the credit for one period."""

    name: str
    productId: str  # noqa: N815 that vendor's spelling
    price: Number
    currency: str
    quota: int


class Info(Struct, kw_only=True):
    """The purchase options. Amounts are in whole dollars."""

    enable_online_topup: Annotated[bool, Meta(description="Whether Epay is available.")]
    enable_stripe_topup: Annotated[bool, Meta(description="Whether Stripe is available.")]
    enable_creem_topup: Annotated[bool, Meta(description="Whether Creem is available.")]
    creem_products: Annotated[str, Meta(description="Creem's products, as a JSON list.")]
    pay_methods: Annotated[list[PayMethod], Meta(description="The payment methods.")]
    min_topup: Annotated[int, Meta(description="The smallest amount, in whole US dollars.")]
    stripe_min_topup: Annotated[
        int, Meta(description="The smallest amount with Stripe, in whole US dollars.")
    ]
    amount_options: Annotated[
        list[int], Meta(description="The suggested amounts, in whole US dollars.")
    ]
    discount: Annotated[dict[str, Number], Meta(description="The share to pay, by amount.")]


class InfoAnswer(Struct, kw_only=True):
    """The response of /topup/info."""

    success: bool
    message: str
    data: Annotated[Info, Meta(description="The purchase options.")]


class Paying(Struct, kw_only=True):
    """A payment that was started. `data` is the URL of the payer's page."""

    success: bool
    message: str
    data: Annotated[str, Meta(description="The page where the payer pays.")]
    trade_no: str


class Redeemed(Struct, kw_only=True):
    """A redeemed code. `data` is the added quota."""

    success: bool
    message: str
    data: Annotated[int, Meta(description="The added quota.")]


class Line(Struct, kw_only=True):
    """A payment or redemption. `amount` is the credit in whole dollars, and `money` is what was paid."""

    id: int
    amount: Annotated[int, Meta(description="The credit, in whole US dollars.")]
    money: Annotated[Number, Meta(description="The amount paid.")]
    trade_no: str
    payment_method: Annotated[str, Meta(description="The payment method.")]
    create_time: Annotated[int, Meta(description="The time of creation, in Unix seconds.")]
    complete_time: Annotated[int, Meta(description="The time in Unix seconds, or 0.")]
    status: Annotated[str, Meta(description="The status: pending, success or expired.")]


class LinePage(Struct, kw_only=True):
    """One page of the list, returned if the request has p, page_size or keyword."""

    page: Annotated[int, Meta(description="The page number, from 1.")]
    page_size: int
    total: Annotated[int, Meta(description="The number of lines in all.")]
    items: Annotated[list[Line], Meta(description="The lines of this page.")]


class History(Struct, kw_only=True):
    """The response of /topup/self: the newest lines, or one page of all."""

    success: bool
    message: str
    data: Annotated[
        list[Line] | LinePage, Meta(description="The newest lines, or one page of all lines.")
    ]


USER_HEADER: Final = b"new-api-user"
CENTS_PER_DOLLAR: Final = 100
PAGE_SIZE: Final = 10
PAGE_SIZE_MAX: Final = 100
PAGES_MAX: Final = 100_000
LINES_MAX: Final = 100
EPAY: Final = "epay"
STRIPE: Final = "stripe"
CREEM: Final = "creem"
_ORDER: Final = {EPAY: 0, STRIPE: 1}
_LOOKS: Final = {
    "alipay": ("Alipay", "#1677FF"),
    "wxpay": ("WeChat Pay", "#07C160"),
    STRIPE: ("Stripe", "#635BFF"),
    CREEM: ("Creem", "#FF7A59"),
    "myfatoorah": ("MyFatoorah", "#0A8FD6"),
}
_COLOR: Final = "#6B7280"
_STATUSES: Final = {
    "pending": "pending",
    "review": "pending",
    "failed": "expired",
    "expired": "expired",
}


class PayBody(LooseFields, frozen=True, kw_only=True):
    """A payment to start. `amount` is in whole dollars."""

    amount: Annotated[
        Int64,
        within(1, AMOUNT_CENTS_MAX // CENTS_PER_DOLLAR),
        Meta(description="The amount, in whole US dollars."),
    ]
    payment_method: Annotated[
        Text, Meta(description="The payment provider. If empty, the first one.")
    ] = ""


class NewapiRedeemBody(LooseFields, frozen=True, kw_only=True):
    """A code to redeem: TOPUP-XXXX-XXXX-XXXX, or a voucher code ATU-…."""

    key: Annotated[Text, Meta(description="A code (TOPUP-XXXX-XXXX-XXXX) or voucher (ATU-…).")]


class HistoryQuery(LooseFields, frozen=True, kw_only=True):
    """Selects a page. `keyword` is part of a trade number.

    If any field is set, the response is a LinePage instead of a list.
    """

    p: Annotated[int, Meta(ge=0, le=PAGES_MAX, description="The page number, from 1.")] | None = (
        None
    )
    page_size: Annotated[int, Meta(ge=1, le=PAGE_SIZE_MAX)] | None = None
    keyword: Annotated[Text, Meta(description="A part of the trade number.")] | None = None


@dataclass(frozen=True, slots=True)
class _Method:
    type: str
    provider: str
    way: str | None = None


async def info(call: RequestContext[Fields, Fields]) -> Answer:
    _check_user(call)
    settings, environment = call.context.settings, call.principal.environment
    methods = _methods(call.context.payments.providers, environment)
    providers = {method.provider for method in methods}
    sold = await call.context.database.read(lambda tx: list_plans(tx, environment))
    creem = call.context.payments.providers.registration(CREEM)
    products = [product for plan in sold for product in _creem_products(plan, creem)]
    is_creem = CREEM in call.context.payments.providers.offered(environment)
    data = Info(
        enable_online_topup=bool(providers - {STRIPE, CREEM}),
        enable_stripe_topup=STRIPE in providers,
        enable_creem_topup=CREEM in providers or (is_creem and bool(products)),
        creem_products=msgspec.json.encode(products if is_creem else []).decode(),
        pay_methods=[_shown(method, settings) for method in methods],
        min_topup=settings.newapi_min_topup,
        stripe_min_topup=settings.newapi_stripe_min_topup,
        amount_options=list(settings.newapi_amount_options),
        discount={
            str(amount): number(part.parts, PLACES)
            for amount, part in discounts_of(settings.newapi_discount).items()
        },
    )
    return plain_answer(InfoAnswer(success=True, message="", data=data))


async def pay(call: RequestContext[PayBody, Fields]) -> Answer:
    """Create the order and open its checkout. A repeated Idempotency-Key continues an interrupted request."""
    _check_user(call)
    context, principal = call.context, call.principal
    method = _chosen(call)
    cents = _cents(call.body.amount, _min_topup(method, context.settings))
    part = discounts_of(context.settings.newapi_discount).get(call.body.amount)
    new = NewOrder(
        provider=method.provider,
        method=method.way,
        amount_cents=cents,
        discount=0 if part is None else cents - part.of(cents),
        created_by=principal.credential_id,
        request_digest=call.request_digest,
    )

    async def steps() -> Answer:
        order = await context.payments.place(principal.tenant, new)
        url = order.url or context.payments.links.status_url(order.id)
        return plain_answer(Paying(success=True, message="success", data=url, trade_no=order.id))

    return await run_steps(context, principal, call.request_key, steps)


async def redeem_key(call: RequestContext[NewapiRedeemBody, Fields]) -> Answer:
    _check_user(call)

    def render(done: CodeRedeemed | VoucherRedeemed) -> Answer:
        quota = RedeemedCode.of(done).amount_micros // MICROS_PER_QUOTA
        message = f"Redeemed successfully: {quota} quota added"
        return plain_answer(Redeemed(success=True, message=message, data=quota))

    asked = RedemptionsRedeemBody(code=call.body.key)
    return await Door(REDEEM, call, is_operator=False).run(asked, render)


async def history(call: RequestContext[Fields, HistoryQuery]) -> Answer:
    _check_user(call)
    query, tenant = call.query, call.principal.tenant
    is_paged = (query.p, query.page_size, query.keyword) != (None, None, None)
    page_number = max(1, query.p or 1)
    size = (query.page_size or PAGE_SIZE) if is_paged else LINES_MAX

    async def work(tx: Transaction) -> tuple[Sequence[CreditLine], int]:
        return await credit_history.page(
            tx, tenant, offset=(page_number - 1) * size, limit=size, keyword=query.keyword or ""
        )

    found, total = await call.context.database.read(work)
    lines = [_line(one) for one in found]
    page = LinePage(page=page_number, page_size=size, total=total, items=lines)
    return plain_answer(History(success=True, message="", data=page if is_paged else lines))


def refuse(refusal: Refusal, _now_us: int) -> Answer:
    return plain_answer(
        Refused(success=False, message=refusal.sentence), http_status=refusal.http_status
    )


def _check_user(call: RequestContext[Any, Any]) -> None:
    named = call.headers.get(USER_HEADER)
    own = str(number_of(call.principal.account_id)).encode()
    if named is not None and named.strip() != own:
        raise InvalidCredential(
            "The New-Api-User header doesn't match the user of this access token."
        )


def _methods(providers: Providers, environment: Environment) -> list[_Method]:
    found: list[tuple[bool, int, _Method]] = []
    for name in providers.offered(environment):
        is_simulated = providers.is_simulated(name, environment)
        if name == CREEM and not is_simulated:
            continue  # Creem can sell only products that are set up in Creem, not amounts
        rank = _ORDER.get(name, len(_ORDER))
        ways = providers.methods(name, environment)
        made = [_Method(way, name, way) for way in ways] or [_Method(name, name)]
        found += [(is_simulated, rank, method) for method in made]
    found.sort(key=lambda one: one[:2])
    return [method for _, _, method in found]


def _chosen(call: RequestContext[PayBody, Fields]) -> _Method:
    methods = _methods(call.context.payments.providers, call.principal.environment)
    wanted = call.body.payment_method
    chosen = [method for method in methods if wanted in {"", method.type}]
    if not chosen:
        listed = ", ".join(method.type for method in methods)
        problem = f"is one of {listed}" if listed else "no payment method is configured"
        raise InvalidInput(problem, param="payment_method")
    return chosen[0]


def _cents(dollars: int, least: int) -> int:
    most = AMOUNT_CENTS_MAX // CENTS_PER_DOLLAR
    if not least <= dollars <= most:
        raise AmountOutOfRange(f"`amount` must be from {least} to {most} dollars.", param="amount")
    return dollars * CENTS_PER_DOLLAR


def _min_topup(method: _Method, settings: Settings) -> int:
    is_stripe = method.provider == STRIPE
    return settings.newapi_stripe_min_topup if is_stripe else settings.newapi_min_topup


def _shown(method: _Method, settings: Settings) -> PayMethod:
    name, color = _LOOKS.get(method.type, (method.type.capitalize(), _COLOR))
    least = str(_min_topup(method, settings))
    return PayMethod(name=name, type=method.type, color=color, min_topup=least)


def _creem_products(plan: Plan, creem: Registration | None) -> list[CreemProduct]:
    found = []
    for interval in MONTHS:
        try:
            item = item_of(plan, creem, interval, is_simulated=False)
        except InvalidInput:
            continue  # Creem has no product for this plan and interval
        product = CreemProduct(
            name=item.name,
            productId=item.product_ref or "",
            price=price_number(item.price),
            currency=item.price.currency,
            quota=item.credits_micros // MICROS_PER_QUOTA,
        )
        found.append(product)
    return found


def _line(line: CreditLine) -> Line:
    completed_at = line.completed_at
    return Line(
        id=number_of(line.id),
        amount=line.credits_micros // MICROS_PER_USD,
        money=price_number(Price(line.pay_amount, line.pay_currency)),
        # Epay's payment page also shows this number.
        trade_no=line.id if line.kind == "payment" else line.number,
        payment_method=line.method,
        create_time=line.created_at // SECOND_US,
        complete_time=0 if completed_at is None else completed_at // SECOND_US,
        status=_STATUSES.get(line.status, "success"),
    )


ROUTES = (
    Route(
        "GET",
        "/topup/info",
        info,
        "List purchase options and payment methods",
        scopes=("billing:read",),
        answers=ok(InfoAnswer),
    ),
    Route(
        "POST",
        "/pay",
        pay,
        "Buy credit for an amount of dollars",
        scopes=("billing:write",),
        body=PayBody,
        answers=ok(Paying),
        refuses=(codes.AMOUNT_OUT_OF_RANGE, codes.PROVIDER_UNAVAILABLE),
    ),
    Route(
        "POST",
        "/topup",
        redeem_key,
        "Redeem a top-up code",
        scopes=("billing:write",),
        body=NewapiRedeemBody,
        answers=ok(Redeemed),
        refuses=(codes.NOT_REDEEMABLE,),
    ),
    Route(
        "GET",
        "/topup/self",
        history,
        "List payments and redemptions, newest first",
        scopes=("billing:read",),
        query=HistoryQuery,
        answers=ok(History),
    ),
)
SURFACE = ApiSurface("/api/user", ROUTES, refuse, Refused, takes_bare=True)
