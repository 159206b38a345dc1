"""Recharges: what an account wants bought when its balance falls. By a person who signed in, no key:
it spends money that is not in the wallet.
"""

from typing import Annotated, Any

from msgspec import Meta

from billing.payments.recharging.setting import RemoveRecharge, SetRecharge
from billing.recharges import records
from billing.recharges.recharge import (
    AMOUNT_CENTS_MAX,
    AMOUNT_CENTS_MIN,
    BELOW_CENTS_MAX,
    MONTHLY_CENTS_MAX,
    Recharge as Row,
    check_limits,
)
from billing.recharges.views import PaymentMethods, Recharge, SavePage
from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import created, ok
from gateway.http.acting import actor_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.errors import InvalidInput, NotFound
from kernel.fields import Fields, Int64, Text, within
from kernel.limits import URL_CHARACTERS_MAX
from store.database import Transaction

PATH = "/topup/balance/recharge"
CHARGES_SHOWN = 5


class RechargeBody(Fields, frozen=True, kw_only=True):
    """In US cents. method_ref: one of the saved means of payment; without it the newest."""

    below_cents: Annotated[
        Int64,
        within(0, BELOW_CENTS_MAX),
        Meta(description="Buy when the balance falls below it, in US cents."),
    ]
    amount_cents: Annotated[
        Int64,
        within(AMOUNT_CENTS_MIN, AMOUNT_CENTS_MAX),
        Meta(description="What is bought each time, in US cents."),
    ]
    monthly_max_cents: Annotated[
        Int64,
        within(AMOUNT_CENTS_MIN, MONTHLY_CENTS_MAX),
        Meta(description="The most that is bought in a UTC month, in US cents."),
    ]
    provider: Text
    method_ref: (
        Annotated[
            Text, Meta(description="One of the saved means of payment; left out: the newest.")
        ]
        | None
    ) = None


class MethodsQuery(Fields, frozen=True, kw_only=True):
    """Whose means of payment."""

    provider: Annotated[Text | None, Meta(description="Required.")] = None


class SaveBody(Fields, frozen=True, kw_only=True):
    """return_url: where the person goes from the provider's page."""

    provider: Text
    return_url: Annotated[str, Meta(max_length=URL_CHARACTERS_MAX)]


async def show(call: RequestContext[Fields, Fields]) -> Answer:
    tenant = call.principal.tenant

    async def work(tx: Transaction) -> Recharge:
        found = await records.find(tx, tenant)
        if found is None:
            raise NotFound("Recharge")
        charges = await records.latest_charges(tx, tenant, limit=CHARGES_SHOWN)
        return Recharge.of(found, charges)

    return answer(codes.SUCCESS, await call.context.database.read(work), now_us=call.now_us)


async def set_(call: RequestContext[RechargeBody, Fields]) -> Answer:
    body, tenant, savings = call.body, call.principal.tenant, call.context.payments.savings
    check_limits(body.below_cents, body.amount_cents, body.monthly_max_cents)
    methods = await savings.methods(tenant, body.provider)
    chosen = next((one for one in methods if body.method_ref in {None, one.ref}), None)
    customer_ref = await savings.customer_ref(tenant, body.provider)
    if chosen is None or customer_ref is None:
        raise InvalidInput(
            "Store a payment method first.", param="method_ref", reason="no_payment_method"
        )
    wanted = Row(
        account_id=tenant.account_id,
        environment=tenant.environment,
        provider=body.provider,
        is_simulated=savings.is_simulated(tenant, body.provider),
        customer_ref=customer_ref,
        method_ref=chosen.ref,
        brand=chosen.brand,
        last4=chosen.last4,
        below_cents=body.below_cents,
        amount_cents=body.amount_cents,
        monthly_max_cents=body.monthly_max_cents,
        changed_at=call.now_us,
    )
    kept = await call.context.engine.submit(SetRecharge(wanted, actor_of(call)))
    return answer(codes.SUCCESS, Recharge.of(kept), now_us=call.now_us)


async def remove(call: RequestContext[Fields, Fields]) -> Answer:
    gone = await call.context.engine.submit(RemoveRecharge(call.principal.tenant))
    return answer(codes.SUCCESS, Recharge.of(gone, is_removed=True), now_us=call.now_us)


async def list_methods(call: RequestContext[Fields, MethodsQuery]) -> Answer:
    provider = call.query.provider or ""
    found = await call.context.payments.savings.methods(call.principal.tenant, provider)
    return answer(codes.SUCCESS, PaymentMethods.of(provider, found), now_us=call.now_us)


async def save(call: RequestContext[SaveBody, Fields]) -> Answer:
    url = await call.context.payments.savings.page(
        call.principal.tenant, call.body.provider, back_url=call.body.return_url
    )
    return answer(codes.SUCCESS, SavePage(url=url), now_us=call.now_us, http_status=201)


async def forget(call: RequestContext[Any, MethodsQuery]) -> Answer:
    tenant, method_ref = call.principal.tenant, call.params["method_ref"]
    provider, savings = call.query.provider or "", call.context.payments.savings
    found = await call.context.database.read(lambda tx: records.find(tx, tenant))
    if found is not None and (found.provider, found.method_ref) == (provider, method_ref):
        # First: a removed method must not be charged in between.
        await call.context.engine.submit(RemoveRecharge(tenant))
    await savings.forget(tenant, provider, method_ref)
    left = await savings.methods(tenant, provider)
    return answer(codes.SUCCESS, PaymentMethods.of(provider, left), now_us=call.now_us)


_READS = ("billing:read",)
_WRITES = ("billing:write",)
_PERSON = " For a person who signed in: no key may set what is charged beyond the wallet."

ROUTES = (
    Route(
        "GET",
        PATH,
        show,
        "The recharge, and what it charged lately",
        scopes=_READS,
        session_only=True,
        description=_PERSON.strip(),
        answers=ok(Recharge),
    ),
    Route(
        "PUT",
        PATH,
        set_,
        "Buy credit when the balance falls",
        scopes=_WRITES,
        takes_key=False,
        session_only=True,
        body=RechargeBody,
        description=(
            "When the balance falls below `below_cents`, credit for `amount_cents` is bought with the"
            " saved means of payment: once for each fall, and at most `monthly_max_cents` in a calendar"
            " month by UTC. Set while the balance is below, it buys at once. Three charges that fail in"
            " a row switch it off; setting it again switches it on." + _PERSON
        ),
        answers=ok(Recharge),
        refuses=(codes.NOT_FOUND, codes.PROVIDER_UNAVAILABLE),
    ),
    Route(
        "DELETE",
        PATH,
        remove,
        "Buy nothing by itself any more",
        scopes=_WRITES,
        takes_key=False,
        session_only=True,
        description="A charge that is under way goes on to its end." + _PERSON,
        answers=ok(Recharge),
        refuses=(codes.NOT_FOUND,),
    ),
    Route(
        "GET",
        f"{PATH}/methods",
        list_methods,
        "Saved means of payment",
        scopes=_READS,
        session_only=True,
        query=MethodsQuery,
        description=_PERSON.strip(),
        answers=ok(PaymentMethods),
        refuses=(codes.PROVIDER_UNAVAILABLE,),
    ),
    Route(
        "POST",
        f"{PATH}/methods",
        save,
        "Where a means of payment is saved",
        scopes=_WRITES,
        takes_key=False,
        session_only=True,
        body=SaveBody,
        description=(
            "The person agrees at the provider's page that the card is kept and charged while they are"
            " away. Nothing is charged there." + _PERSON
        ),
        answers=created(SavePage),
        refuses=(codes.PROVIDER_UNAVAILABLE,),
    ),
    Route(
        "DELETE",
        f"{PATH}/methods/{{method_ref}}",
        forget,
        "Remove a saved means of payment",
        scopes=_WRITES,
        takes_key=False,
        session_only=True,
        query=MethodsQuery,
        description="A recharge that charges it is removed with it." + _PERSON,
        answers=ok(PaymentMethods),
        refuses=(codes.NOT_FOUND, codes.PROVIDER_UNAVAILABLE),
    ),
)
