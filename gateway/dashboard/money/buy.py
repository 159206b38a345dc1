"""Buy credit. The provider returns the payer to an address with the form's ID, because there is no order yet."""

from typing import Any, Final

from starlette.responses import Response

from billing.catalog.pack_acts import OFFERED_PACKS
from billing.orders.records import latest_returning_to
from billing.payments.order_acts import CREATE_ORDER
from gateway.dashboard.listing import ROWS
from gateway.dashboard.money.orders import PATH as ORDERS
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, Typed, problem_of, read_form, read_query
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.own_acts import list_own, run_own
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.errors import DomainError
from kernel.fields import Fields
from kernel.ids import new_id
from store.idempotency import KeyReused

PATH: Final = "/dashboard/buy"
BACK: Final = f"{PATH}/back"
_READ: Final = ("billing:read",)
_WRITE: Final = ("billing:write",)
AMOUNT: Final = "amount"
MADE_BEFORE: Final = Problem(
    409,
    phrase(
        "This form created an order already, for something else. Press the button to create another."
    ),
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _form_page(call, Form({"pack": [read_query(call).text("pack")]}))


async def order(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    typed = Typed(form)
    body = _body(call, typed)
    try:
        made = await run_own(call, CREATE_ORDER, body, key=form.idempotency_key, wrong=typed.wrong)
    except KeyReused:
        return await _form_page(call, form, MADE_BEFORE)
    except DomainError as error:
        return await _form_page(call, form, problem_of(error), form_key=form.idempotency_key)
    if made["status"] == "paid":
        return go(f"{ORDERS}/{made['id']}", said="order-paid")
    return go(f"{ORDERS}/{made['id']}/pay")


async def back(call: RequestContext[Fields, Fields]) -> Reply:
    tenant, address = call.principal.tenant, f"{BACK}/{call.params['form_id']}"
    found = await call.context.database.read(
        lambda tx: latest_returning_to(tx, tenant, address, limit=ROWS)
    )
    return go(ORDERS) if found is None else go(f"{ORDERS}/{found.id}", said="order-back")


def _body(call: RequestContext[Any, Any], typed: Typed) -> dict[str, Any]:
    form = typed.form
    is_amount = form.text("pack") in {AMOUNT, ""}
    offered = call.context.payments.providers.offered(call.principal.environment)
    if form.text("provider") not in offered:
        typed.refuse("provider", phrase("choose one of %(words)s", words=", ".join(offered)))
    chosen = form.text("pack")
    way_back = f"{call.home}{BACK}/{form.idempotency_key}"
    return {
        "provider": form.text("provider"),
        "pack_id": None if is_amount else chosen,
        "amount_cents": typed.cents("amount", is_required=True) if is_amount else None,
        "coupon": form.text("coupon") or None,
        "save_payment_method": bool(form.text("save")),
        "success_url": way_back if form.idempotency_key else None,
        "cancel_url": way_back if form.idempotency_key else None,
    }


def payable_at(call: RequestContext[Any, Any], provider: str) -> str:
    providers = call.context.payments.providers
    label = providers.label(provider)
    if providers.is_simulated(provider, call.principal.environment):
        return phrase("%(provider)s, by the sandbox", provider=label)
    return phrase("%(provider)s", provider=label)


def ways_to_pay(call: RequestContext[Any, Any], kind: str | None = None) -> list[tuple[str, str]]:
    """Return the providers' names and labels. Providers with credentials come first. If `kind` is given, return
    only those that sell it.
    """
    environment, providers = call.principal.environment, call.context.payments.providers
    found = [
        name
        for name in providers.offered(environment)
        if kind is None or ((one := providers.registration(name)) and kind in one.kinds)
    ]
    found.sort(key=lambda name: providers.is_simulated(name, environment))
    return [(name, payable_at(call, name)) for name in found]


async def _form_page(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    form_key: str | None = None,
) -> Response:
    packs = (await list_own(call, OFFERED_PACKS)).items
    popular = next((pack["id"] for pack in packs if pack["popular"]), None)
    return page(
        call,
        "buy.html",
        status=problem.status,
        form=form,
        problem=problem,
        packs=packs,
        chosen=form.text("pack") or popular or (packs[0]["id"] if packs else AMOUNT),
        providers=ways_to_pay(call),
        keepers=call.context.payments.savings.offered(call.principal.tenant),
        form_key=form_key or new_id("frm"),
    )


ROUTES = (
    page_route("GET", "/buy", show, "Buy credit", _READ),
    page_route("POST", "/buy", order, "Make an order", _WRITE),
    page_route("GET", "/buy/back/{form_id}", back, "Back from the payment page", _READ),
)
