"""OhMyGPT: imitate this vendor's API. Apps act for users, charge them, and sell them credit (contract 5.4).

The consent page is gateway/dashboard/account/consent.py.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Generic, TypeVar

from msgspec import Meta, Struct

from billing.ledger.balances import balance as load_balance
from billing.ledger.price import parse_decimal
from billing.orders.order import Order
from billing.orders.place import AMOUNT_CENTS_MAX, AMOUNT_CENTS_MIN, NewOrder
from billing.providers.protocol import CheckoutKind
from billing.usage.oauth_charge import OAuthCharge, TakeCharge
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer, plain_answer
from gateway.answers.outcome import ok
from gateway.answers.refusals import Refusal
from gateway.http.acting import note
from gateway.http.auth import block_of
from gateway.http.idempotency import run_once, run_steps
from gateway.http.rate_limit import refusal as rate_refusal
from gateway.http.request_context import RequestContext
from gateway.http.routing import ApiSurface, Route
from kernel.clock import rfc3339
from kernel.errors import InvalidInput, NotFound
from kernel.fields import LINE, WEB_URL, Fields, LooseFields, Text
from kernel.ids import number_of
from kernel.limits import URL_CHARACTERS_MAX
from keys.account import Account, get_account
from keys.oauth import app as oauth_app, grant as oauth_grant, token as oauth_token
from keys.oauth.app import ClientRefused
from keys.oauth.grant import CodeRefused, CodeReused, Grant
from keys.oauth.token import OAuthToken
from keys.principal import OAUTH_SCOPES, CredentialEnded, OAuthOrigin, ScopeMissing
from store.database import Transaction

T = TypeVar("T")
Url = Annotated[str, Meta(max_length=URL_CHARACTERS_MAX, extra_json_schema={"pattern": WEB_URL})]

EXCHANGES: Final = 600
EXCHANGES_PER_S: Final = 10.0
MISS_COST: Final = 10


class IssueBody(LooseFields, frozen=True, kw_only=True):
    """A code to exchange. It comes with the client_secret or, from a public app, with the code_verifier."""

    client_id: Text
    client_secret: Annotated[Text, Meta(description="The secret of a private app.")] | None = None
    code: Annotated[Text, Meta(description="The code from the consent's redirect.")]
    code_verifier: (
        Annotated[Text, Meta(description="A public app's code verifier, instead of the secret.")]
        | None
    ) = None
    redirect_uri: Annotated[Url, Meta(description="The redirect URI of the consent.")] | None = None


async def exchanged(call: RequestContext[IssueBody, Fields]) -> tuple[OAuthToken, str]:
    body = call.body

    async def work(tx: Transaction) -> tuple[OAuthToken, str] | CodeReused:
        app = await oauth_app.authenticate(tx, body.client_id, body.client_secret)
        issued = await oauth_token.exchange(
            tx,
            app,
            body.code,
            redirect_uri=body.redirect_uri,
            verifier=body.code_verifier,
            now_us=call.now_us,
        )
        if isinstance(issued, CodeReused):
            reason = "its code was used twice"
            entry, user = ("grant.revoked", issued.grant_id), issued.user
        else:
            reason = None
            entry, user = ("grant.token_issued", issued[0].id), issued[0].user
        after = {"app": app.name}
        await note(
            tx,
            call,
            *entry,
            account_id=user.account_id,
            environment=user.environment,
            after=after,
            reason=reason,
        )
        return issued

    async def exchange() -> tuple[OAuthToken, str]:
        issued = await call.context.database.transaction(work)
        if isinstance(issued, CodeReused):
            raise issued
        return issued

    return await _guarded(call, exchange)


async def _guarded(call: RequestContext[Any, Any], exchange: Callable[[], Awaitable[T]]) -> T:
    """Count the request against the address's limit. A failure counts as ten requests."""
    limiter, key = call.context.limiter, f"oauth:{block_of(call.address)}"
    decision = await limiter.take(key, EXCHANGES_PER_S, EXCHANGES)
    if not decision.allowed or decision.remaining < MISS_COST - 1:
        raise rate_refusal(decision, "too many codes or client secrets, or too many wrong ones")
    try:
        return await exchange()
    except (ClientRefused, CodeRefused):
        await limiter.take(key, EXCHANGES_PER_S, EXCHANGES, cost=MISS_COST - 1)
        raise


class Said(Struct, Generic[T], rename="camel", kw_only=True):
    """A successful response."""

    status_code: Annotated[int, Meta(description="The HTTP status.")]
    message: str
    data: Annotated[T, Meta(description="The result.")]


class Refused(Struct, rename="camel", kw_only=True):
    """An error. statusCode is the HTTP status."""

    status_code: Annotated[int, Meta(description="The HTTP status.")]
    message: str
    error_type: Annotated[str, Meta(description="The kind of error.")]
    data: Annotated[None, Meta(description="Always null.")] = None


class Issued(Struct, kw_only=True):
    """A token for an app."""

    user_id: str
    client_id: str
    token: Annotated[str, Meta(description="The token's secret, shown only once.")]


class UserInfo(Struct, kw_only=True):
    """The user. email_verified is true if someone who reads mail at that address has confirmed it."""

    user_id: str
    name: str
    email: Annotated[str | None, Meta(description="Null if the app may not see it.")]
    client_id: str
    scope: Annotated[str, Meta(description="The app's permissions.")]
    environment: str
    email_verified: bool


class Balance(Struct, kw_only=True):
    """The balance in dollars, and how much of it is promotional."""

    balance: Annotated[str, Meta(description="The whole balance, in US dollars.")]
    free_balance: Annotated[str, Meta(description="The promotional part, in dollars.")]


class Charged(Struct, kw_only=True):
    """A charge that an app made."""

    charge_id: Annotated[str, Meta(description="The charge's ID.")]
    order_no: Annotated[str, Meta(description="The app's own number for the charge.")]
    amount: Annotated[str, Meta(description="In dollars.")]
    remark: Annotated[str, Meta(description="The purpose of the charge.")]
    created_at: str


class Checkout(Struct, kw_only=True):
    """A checkout for an order."""

    checkout_url: Annotated[
        str | None, Meta(description="The payment page. Null if nothing is to be paid.")
    ]
    order_no: Annotated[str, Meta(description="The order's number.")]


class Invoice(Struct, kw_only=True):
    """An invoice to pay."""

    invoice_url: Annotated[str | None, Meta(description="The invoice's page, if any.")]
    invoice_pdf: Annotated[str | None, Meta(description="The invoice as a PDF, if any.")]
    order_no: Annotated[str, Meta(description="The order's number.")]


class Management(Struct, kw_only=True):
    """The grant's management token. `token` is only shown when it is created."""

    id: str
    user_id: str
    client_id: str
    scope: Annotated[str, Meta(description="The app's permissions.")]
    charge_cap: Annotated[
        str, Meta(description="The most that the app may charge in a period, in US dollars.")
    ]
    charge_cap_period: Annotated[str, Meta(description="The period of charge_cap.")]
    prefix: Annotated[str, Meta(description="The token's first characters, to recognise it.")]
    last4: str
    created_at: str
    last_used_at: str | None
    expires_at: str
    token: Annotated[
        str | None,
        Meta(description="The token's secret. Null except in the response that created it."),
    ]


PREFIX: Final = "/api/v1"
ACCOUNT_CREDIT: Final = "10001"
ORDER_PLACES: Final = 2
CHARGE_PLACES: Final = 6
_GENERAL, _ADVANCED, _TRUSTED = ((step,) for step in OAUTH_SCOPES)

Amount = Annotated[str, Meta(max_length=40)]


class ChargeBody(LooseFields, frozen=True, kw_only=True):
    """A charge in dollars, with at most six decimal places. The app chooses order_no, which is unique for
    each user.
    """

    amount: Annotated[Amount, Meta(description="The amount in dollars, to 6 decimals.")]
    order_no: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=128,
            pattern=r"^[!-~]+\Z",
            description="The app's own number for the charge, unique for each user.",
        ),
    ]
    remark: Annotated[
        str, Meta(max_length=200, pattern=LINE, description="The purpose of the charge.")
    ] = ""


class OrderBody(LooseFields, frozen=True, kw_only=True):
    """An order in dollars, with at most two decimal places."""

    amount: Annotated[Amount, Meta(description="The amount in dollars, to 2 decimals.")]
    product_id: Annotated[Text, Meta(description="The product. 10001 is credit.")] = ACCOUNT_CREDIT
    success_url: Url | None = None
    cancel_url: Url | None = None


async def issue_token(call: RequestContext[IssueBody, Fields]) -> Answer:
    token, secret = await exchanged(call)
    data = Issued(user_id=_number(token.account_id), client_id=token.app_id, token=secret)
    return _say("Issue OAuth Token success", data)


async def user_info(call: RequestContext[Fields, Fields]) -> Answer:
    principal, origin = call.principal, _origin(call)

    async def work(tx: Transaction) -> Account:
        return await get_account(tx, principal.account_id)

    account = await call.context.database.read(work)
    data = UserInfo(
        user_id=_number(account.id),
        name=account.name,
        email=account.email,
        client_id=origin.app_id,
        scope=origin.scope,
        environment=principal.environment,
        email_verified=account.email is not None and account.email_verified_at is not None,
    )
    return _say("Get OAuth User Info success", data)


async def balance(call: RequestContext[Fields, Fields]) -> Answer:
    """Return the balance, rounded down to cents because fractions can't be spent."""

    async def work(tx: Transaction) -> dict[str, Any]:
        return await load_balance(
            tx, call.principal, now_us=call.now_us, is_promo_sendable=_is_promo_sendable(call)
        )

    found = await call.context.database.read(work)
    data = Balance(
        balance=_dollars(found["balance_cents"] * 10_000),
        free_balance=_dollars(found["promotional_cents"] * 10_000),
    )
    return _say("Get OAuth User Balance success", data)


async def charge(call: RequestContext[ChargeBody, Fields]) -> Answer:
    """Charge the user once for each order_no, within the limits of their consent."""
    principal, body = call.principal, call.body
    amount = _amount(body.amount, CHARGE_PLACES)
    command = TakeCharge(principal.tenant, _origin(call), body.order_no, amount, body.remark)
    return await call.context.engine.submit_once(command, call.request_key, _charged)


def _charged(made: OAuthCharge) -> Answer:
    data = Charged(
        charge_id=made.id,
        order_no=made.order_no,
        amount=_dollars(made.amount_micros),
        remark=made.remark,
        created_at=rfc3339(made.created_at),
    )
    return _say("Charge User success", data)


async def create_order(call: RequestContext[OrderBody, Fields]) -> Answer:

    def render(order: Order) -> Answer:
        data = Checkout(checkout_url=order.url, order_no=order.order_no)
        return _say("Stripe Order Create Success", data)

    return await _order(call, "payment", render)


async def create_invoice_order(call: RequestContext[OrderBody, Fields]) -> Answer:

    def render(order: Order) -> Answer:
        data = Invoice(
            invoice_url=order.url, invoice_pdf=order.invoice_pdf, order_no=order.order_no
        )
        return _say("Stripe Invoice Order Create Success", data)

    return await _order(call, "invoice", render)


async def management_token(call: RequestContext[Fields, Fields]) -> Answer:
    return await _manage(call, "Get Management Token success", is_new=False)


async def update_management_token(call: RequestContext[Fields, Fields]) -> Answer:
    return await _manage(call, "Update Management Token success", is_new=True)


async def _order(
    call: RequestContext[OrderBody, Fields], kind: CheckoutKind, render: Callable[[Order], Answer]
) -> Answer:
    context, principal, body = call.context, call.principal, call.body
    if body.product_id != ACCOUNT_CREDIT:
        raise NotFound("Product", param="product_id")
    cents = _amount(body.amount, ORDER_PLACES)
    if not AMOUNT_CENTS_MIN <= cents <= AMOUNT_CENTS_MAX:
        least, most = (_dollars(one * 10_000) for one in (AMOUNT_CENTS_MIN, AMOUNT_CENTS_MAX))
        raise InvalidInput(f"`amount` must be from {least} to {most}.", param="amount")
    new = NewOrder(
        provider="stripe",
        kind=kind,
        amount_cents=cents,
        success_url=body.success_url,
        cancel_url=body.cancel_url,
        oauth_app_id=_origin(call).app_id,
        created_by=principal.credential_id,
        request_digest=call.request_digest,
    )

    async def steps() -> Answer:
        return render(await context.payments.place(principal.tenant, new))

    return await run_steps(context, principal, call.request_key, steps)


async def _manage(call: RequestContext[Fields, Fields], message: str, *, is_new: bool) -> Answer:
    principal, now_us = call.principal, call.now_us

    async def work(tx: Transaction) -> tuple[Grant, OAuthToken, str | None]:
        caller = await oauth_token.get(tx, principal.tenant, principal.credential_id)
        if caller.kind != "access":
            raise ScopeMissing("A management token can't create another one.", reason="parent")
        grant = await oauth_grant.get(tx, principal.tenant, caller.grant_id)
        if caller.revoked_at is not None or not grant.is_alive:
            raise CredentialEnded("The user removed this app's access.", reason="revoked")
        found = await oauth_token.find_management(tx, grant.id, now_us=now_us)
        if found is not None and not is_new:
            return grant, found, None
        return grant, *await oauth_token.rotate_management(tx, grant, now_us=now_us)

    def render(made: tuple[Grant, OAuthToken, str | None]) -> Answer:
        return _say(message, _management(*made))

    return await run_once(call, work, render, sealed=True)


def _management(grant: Grant, token: OAuthToken, secret: str | None) -> Management:
    used = token.last_used_at
    return Management(
        id=token.id,
        user_id=_number(token.account_id),
        client_id=token.app_id,
        scope=grant.scope,
        charge_cap=_dollars(grant.cap_micros),
        charge_cap_period=grant.cap_period,
        prefix=token.prefix,
        last4=token.last4,
        created_at=rfc3339(token.created_at),
        last_used_at=None if used is None else rfc3339(used),
        expires_at=rfc3339(token.expires_at),
        token=secret,
    )


def _origin(call: RequestContext[Any, Any]) -> OAuthOrigin:
    origin = call.principal.oauth
    assert origin is not None, "no other credential holds a step of the ladder"
    return origin


def _amount(text: str, places: int) -> int:
    amount = parse_decimal(text, places=places, param="amount")
    if amount == 0:
        raise InvalidInput("`amount` must be above 0.", param="amount")
    return amount


def _dollars(micros: int) -> str:
    whole, part = divmod(micros, 1_000_000)
    return f"{whole}.{f'{part:06d}'.rstrip('0').ljust(2, '0')}"


def _number(account_id: str) -> str:
    return str(number_of(account_id))


def _is_promo_sendable(call: RequestContext[Any, Any]) -> bool:
    return call.context.engine.rules.is_promo_sendable


def _say(message: str, data: Any) -> Answer:
    said: Said[Any] = Said(status_code=200, message=message, data=data)
    return plain_answer(said)


_TYPES: Final = {
    400: "invalid_request_error",
    401: "oauth_invalid_token_error",
    402: "insufficient_balance_error",
    403: "oauth_insufficient_scope_error",
    404: "not_found_error",
    405: "method_not_allowed_error",
    409: "conflict_error",
    429: "rate_limit_error",
}
# Error strings that depend on the code or the reason, not only on the HTTP status.
_FINER: Final = {
    codes.CAP_EXCEEDED: "charge_cap_exceeded_error",
    codes.ADDRESS_NOT_ALLOWED: "address_not_allowed_error",
    codes.PROVIDER_UNAVAILABLE: "payment_provider_error",
    "client": "oauth_invalid_client_error",
    "code": "oauth_invalid_code_error",
}
_SIGN_IN_AGAIN: Final = (
    "Incorrect OAuth token provided. Please try to re-authenticate with the OAuth provider."
)


def refuse(refusal: Refusal, _now_us: int) -> Answer:
    status = refusal.http_status
    by_status = _TYPES.get(status, _TYPES[400] if status < 500 else "server_error")
    finer = _FINER.get(refusal.error.get("reason") or "") or _FINER.get(refusal.code.code)
    error_type = finer or by_status
    message = _SIGN_IN_AGAIN if error_type == _TYPES[401] else refusal.sentence
    body = Refused(status_code=status, message=message, error_type=error_type)
    return plain_answer(body, http_status=status)


def _post(
    path: str, handler: Any, summary: str, scopes: tuple[str, ...], data: Any, **more: Any
) -> Route:
    more = {"body": LooseFields, "media": "json_or_form", "answers": ok(Said[data]), **more}
    return Route("POST", path, handler, summary, scopes, **more)


_USER: Final = "/user/oauth"
_PAY: Final = "/pay/oa/stripe"
_READS: Final = {"takes_key": False}
_TRIED: Final = (codes.INVALID_KEY, codes.RATE_LIMITED)
_SOLD: Final = (codes.NOT_FOUND, codes.AMOUNT_OUT_OF_RANGE, codes.PROVIDER_UNAVAILABLE)
_SPENT: Final = (codes.INSUFFICIENT_BALANCE, codes.CAP_EXCEEDED, codes.DUPLICATE)
_ISSUES: Final = {"body": IssueBody, "is_public": True, "takes_key": False, "refuses": _TRIED}
_ORDERS: Final = {"body": OrderBody, "refuses": _SOLD}
_CHARGES: Final = {"body": ChargeBody, "refuses": _SPENT}
_TOKEN: Final = f"{_USER}/management-token"

SURFACE = ApiSurface(
    PREFIX,
    (
        _post(
            f"{_USER}/issue-token",
            issue_token,
            "Exchange a code for a token",
            (),
            Issued,
            **_ISSUES,
        ),
        _post(f"{_USER}/user-info", user_info, "Show the user", _GENERAL, UserInfo, **_READS),
        _post(f"{_USER}/balance", balance, "Show the user's balance", _GENERAL, Balance, **_READS),
        _post(f"{_USER}/charge", charge, "Charge the user", _ADVANCED, Charged, **_CHARGES),
        _post(
            f"{_PAY}/create-order", create_order, "Create an order", _TRUSTED, Checkout, **_ORDERS
        ),
        _post(
            f"{_PAY}/create-invoice-order",
            create_invoice_order,
            "Create an invoice order",
            _TRUSTED,
            Invoice,
            **_ORDERS,
        ),
        _post(_TOKEN, management_token, "Get the management token", _TRUSTED, Management),
        _post(
            f"{_TOKEN}/update",
            update_management_token,
            "Rotate the management token",
            _TRUSTED,
            Management,
        ),
    ),
    refuse,
    Refused,
)
