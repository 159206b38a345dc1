"""Show an invitation to anyone who has its link, and let the user with the invited address accept
it.

A user without an account can create one here, even if sign-up is closed.
"""

from functools import partial
from typing import Any, Final

from starlette.responses import Response

from billing.credits.opening import open_account
from billing.topups.rules import INVITATION_PATH
from gateway.dashboard.account import sign_in
from gateway.dashboard.account.mailed_link import find_by_link
from gateway.dashboard.account.team import ROLE_WORDS
from gateway.dashboard.route import open_route, page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.acting import note
from gateway.http.auth import block_of
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.http.session_cookie import set_cookie
from kernel.errors import DomainError, InvalidInput
from kernel.fields import Fields
from keys import member, session
from keys.account import EmailTaken, get_account, set_password_hash
from keys.member import Invitation
from keys.normalise import normalise_name
from keys.principal import ACCOUNT_SCOPES
from keys.sign_in.password import check_password
from store.database import Transaction

_find: Final = partial(
    find_by_link, kind="invitation", find=member.find_invitation, what="Invitation"
)


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return _page(call, await _find(call), Form())


async def join(call: RequestContext[Fields, Fields]) -> Reply:
    sign_in.check_own_page(call)
    form, found = (
        read_form(call),
        await _find(call),
    )
    email = found.member.email
    try:
        password = form.raw("password")
        check_password(password)
        name = normalise_name(form.text("name"))
        password_hash = await call.context.passwords.hash(password, source=block_of(call.address))
        person_id = await _make(call, found, name, password_hash)
    except EmailTaken:
        return go(_way_in(call))
    except DomainError as error:
        return _page(call, found, form, problem_of(error))
    response = go("/dashboard", said="member-joined")
    person = sign_in.CheckedPerson(account_id=person_id, email=email, password_hash=password_hash)
    await sign_in.begin_session(call, person, response)
    return response


async def show_accept(call: RequestContext[Fields, Fields]) -> Reply:
    found, person_id = (
        await _find(call),
        call.principal.person_id,
    )
    person = await call.context.database.read(lambda tx: get_account(tx, person_id))
    return page(
        call,
        "invitation_accept.html",
        invitation=found,
        role=ROLE_WORDS[found.member.role],
        own_email=person.email,
        is_theirs=person.email == found.member.email,
        token=call.params["invitation_token"],
    )


async def accept(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    found, principal = (
        await _find(call),
        call.principal,
    )
    person_id = principal.person_id

    async def work(tx: Transaction) -> str:
        person = await get_account(tx, person_id)
        if person.email != found.member.email:
            raise InvalidInput(
                phrase(
                    "the invitation is for %(address)s: sign in with that address",
                    address=found.member.email,
                ),
                param="email",
            )
        await _join(tx, call, found, person_id)
        return await session.act_for(
            tx, person_id, principal.credential_id, found.member.account_id
        )

    token = await call.context.database.transaction(work)
    response = go("/dashboard", said="member-joined")
    response.raw_headers.append(set_cookie(token, is_secure=sign_in.is_secure(call)))
    return response


async def _make(
    call: RequestContext[Any, Any], found: Invitation, name: str, password_hash: str
) -> str:
    """Raise EmailTaken if the address now has an account. Raise NotFound if the link has been used."""

    async def work(tx: Transaction) -> str:
        person_id = await open_account(
            tx, name=name, email=found.member.email, now_us=call.now_us, has_live=False
        )
        await set_password_hash(tx, person_id, password_hash)
        await _join(tx, call, found, person_id)
        return person_id

    return await call.context.database.transaction(work)


async def _join(
    tx: Transaction, call: RequestContext[Any, Any], found: Invitation, person_id: str
) -> None:
    one = found.member
    await member.accept(tx, one, person_id, now_us=call.now_us)
    await member.choose(tx, person_id, one.account_id, now_us=call.now_us)
    await note(
        tx,
        call,
        "member.joined",
        one.id,
        account_id=one.account_id,
        environment="",
        after={"email": one.email, "role": one.role},
    )


def _way_in(call: RequestContext[Any, Any]) -> str:
    return f"/dashboard{INVITATION_PATH}/{call.params['invitation_token']}"


def _page(
    call: RequestContext[Any, Any], found: Invitation, form: Form, problem: Problem = NO_PROBLEM
) -> Response:
    return page(
        call,
        "invitation.html",
        status=problem.status,
        form=form,
        problem=problem,
        invitation=found,
        role=ROLE_WORDS[found.member.role],
        token=call.params["invitation_token"],
        way_in=_way_in(call),
    )


OPEN_ROUTES = (
    open_route("GET", f"{INVITATION_PATH}/{{invitation_token}}", show, "An invitation"),
    open_route("POST", f"{INVITATION_PATH}/{{invitation_token}}", join, "Join with a new account"),
)
ROUTES = (
    page_route(
        "GET",
        f"{INVITATION_PATH}/{{invitation_token}}",
        show_accept,
        "Accept an invitation",
        ACCOUNT_SCOPES,
    ),
    page_route(
        "POST",
        f"{INVITATION_PATH}/{{invitation_token}}",
        accept,
        "Accept an invitation",
        ACCOUNT_SCOPES,
    ),
)
