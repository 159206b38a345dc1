"""Let visitors sign up if SELF_SERVE_STAGING is on.

Signing up with an address that has an account changes nothing and signs nobody in. The response reveals that
the account exists, but at most ten times an hour per network.
"""

from typing import Any, Final

from starlette.responses import Response

from billing.credits.opening import open_account
from gateway.dashboard.account import sign_in, verify_address
from gateway.dashboard.refused import is_safe_way
from gateway.dashboard.route import open_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form, read_query
from gateway.html.render import page
from gateway.http.auth import block_of
from gateway.http.rate_limit import Allowance, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from kernel.clock import HOUR_US, SECOND_US
from kernel.errors import DomainError, NotFound
from kernel.fields import Fields
from keys.account import EmailTaken, set_password_hash
from keys.normalise import normalise_email, normalise_name
from keys.sign_in.password import check_password
from store.database import Transaction

ACCOUNTS_PER_HOUR: Final = 10  # sign-ups from one network address, successful or not
_TAKEN: Final = "That address already has an account. Sign in, or request a new password."


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    _check_open(call)
    back = read_query(call).text("next")
    return _form_page(call, Form({"next": [back if is_safe_way(back) else ""]}))


async def submit(call: RequestContext[Fields, Fields]) -> Reply:
    _check_open(call)
    sign_in.check_own_page(call)
    form = read_form(call)
    email, password = form.text("email"), form.raw("password")
    try:
        check_password(password)
        name = normalise_name(form.text("name"))
        normalise_email(email, param="email")
        await take_one(
            call.context.limiter,
            f"signup:{block_of(call.address)}",
            Allowance(ACCOUNTS_PER_HOUR, HOUR_US // SECOND_US),
            "too many accounts were made from your address; try again later",
        )
        password_hash = await call.context.passwords.hash(password, source=block_of(call.address))
        account_id = await _make(call, name, email, password_hash)
    except EmailTaken:
        known = Form({"email": [email], "next": [form.text("next")]})
        return sign_in.form_page(call, known, notice=_TAKEN)
    except DomainError as error:
        return _form_page(call, form, problem_of(error))
    person = sign_in.CheckedPerson(account_id=account_id, email=email, password_hash=password_hash)
    return await sign_in.signed_in(call, form, person, said="account-made")


async def _make(call: RequestContext[Any, Any], name: str, email: str, password_hash: str) -> str:
    """Raise EmailTaken."""

    async def work(tx: Transaction) -> str:
        account_id = await open_account(
            tx, name=name, email=email, now_us=call.now_us, has_live=False
        )
        await set_password_hash(tx, account_id, password_hash)
        await verify_address.write_link(tx, call, account_id)
        return account_id

    return await call.context.database.transaction(work)


def _check_open(call: RequestContext[Any, Any]) -> None:
    if not call.context.settings.self_serve_staging:
        raise NotFound("Path")


def _form_page(
    call: RequestContext[Any, Any], form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    return page(call, "sign_up.html", status=problem.status, form=form, problem=problem)


ROUTES = (
    open_route("GET", "/sign-up", show, "Make an account"),
    open_route("POST", "/sign-up", submit, "Make an account"),
)
