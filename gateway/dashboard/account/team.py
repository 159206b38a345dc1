"""Manage the account's team: members, roles, invitations, and the account that the user acts for."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from billing.team.acts import CHANGE_ROLE, END_WORK, INVITE, LEAVE, REMOVE, RENEW
from billing.team.ending import Made, made_by
from gateway.dashboard.account.sign_in import is_secure
from gateway.dashboard.act import press
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, Typed, problem_of, read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.acting import note
from gateway.http.own_acts import run_own
from gateway.http.password_again import PasswordRequired, confirm
from gateway.http.rate_limit import RateLimited
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.http.session_cookie import set_cookie
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.ids import new_id
from keys import member, session
from keys.account import get_account
from keys.member import Member
from keys.normalise import normalise_email
from keys.principal import ACCOUNT_SCOPES, ROLE_SCOPES, ROLES, ScopeMissing, require_owner
from store.database import Transaction

PATH: Final = "/dashboard/team"
FORMER_SHOWN_MAX: Final = 50
_TOO_MANY: Final = Problem(
    429, phrase("Too many invitations were made within an hour; try again later")
)
ROLE_WORDS: Final = {
    "developer": (
        phrase("Developer"),
        phrase("Sends, keys, webhooks and usage; reads everything else."),
    ),
    "finance": (
        phrase("Finance"),
        phrase("Buys credit, decides on sends that wait; reads everything else."),
    ),
    "support": (phrase("Support"), phrase("Reads everything, and takes sends back.")),
    "reader": (phrase("Read only"), phrase("Reads everything, changes nothing.")),
}
assert tuple(ROLE_WORDS) == ROLES


async def show(call: RequestContext[Fields, Fields]) -> Reply:
    return await _show(call, Form())


async def invite(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    typed = Typed(form)
    body = {"email": form.text("email"), "role": form.text("role")}
    typed.parse("email", lambda: normalise_email(body["email"], param="email"))
    try:
        if form.raw("password"):
            await confirm(call, form.raw("password"))
        made = await run_own(call, INVITE, body, key=form.idempotency_key, wrong=typed.wrong)
    except PasswordRequired:
        return await _show(
            call, form, Problem(403, "", {"password": phrase("Live needs it again.")})
        )
    except RateLimited:
        return await _show(call, form, _TOO_MANY)
    except ScopeMissing:
        raise
    except DomainError as error:
        return await _show(call, form, problem_of(error))
    return await _show(call, Form(), invited=made)


async def renew(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    try:
        made = await run_own(call, RENEW, key=form.idempotency_key)
    except RateLimited:
        return await _show(call, Form(), _TOO_MANY)
    except InvalidInput as error:
        return await _show(call, Form(), problem_of(error))
    return await _show(call, Form(), invited=made)


async def change_role(call: RequestContext[Fields, Fields]) -> Reply:
    role = {"role": read_form(call).text("role")}
    return await press(call, CHANGE_ROLE, role, then=PATH, said="member-changed")


async def remove(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    removed = await run_own(call, REMOVE)
    way = PATH if removed["person_id"] is None else f"{PATH}/{removed['id']}/made"
    return go(way, said="member-removed")


async def leave(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    await run_own(call, LEAVE)
    person_id, session_id = call.principal.person_id, call.principal.credential_id
    token = await call.context.database.transaction(
        lambda tx: session.act_for(tx, person_id, session_id, None)
    )
    return _moved(call, token, said="member-left")


async def switch(call: RequestContext[Fields, Fields]) -> Reply:
    account_id, principal = read_form(call).text("account_id") or None, call.principal
    if account_id == principal.person_id:
        account_id = None

    async def work(tx: Transaction) -> str:
        await member.choose(tx, principal.person_id, account_id, now_us=call.now_us)
        token = await session.act_for(tx, principal.person_id, principal.credential_id, account_id)
        await note(
            tx,
            call,
            "session.switched",
            principal.credential_id,
            account_id=account_id or principal.person_id,
            environment="",
            after={"acts_for": account_id},
        )
        return token

    return _moved(call, await call.context.database.transaction(work), said="account-switched")


def _moved(call: RequestContext[Any, Any], token: str, *, said: str) -> Response:
    response = go("/dashboard", said=said)
    response.raw_headers.append(set_cookie(token, is_secure=is_secure(call)))
    return response


async def _show(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    invited: Mapping[str, Any] | None = None,
) -> Response:
    principal = call.principal

    async def work(tx: Transaction) -> dict[str, Any]:
        members = await member.list_members(tx, principal.account_id)
        former = await member.list_former(tx, principal.account_id, limit=FORMER_SHOWN_MAX)
        is_open = [await member.is_open(tx, one, now_us=call.now_us) for one in members]
        return {
            "members": members,
            "former": former,
            "open_invitations": {
                one.id for one, counts in zip(members, is_open, strict=True) if counts
            },
            "teams": await member.teams_of(tx, principal.person_id),
            "own": await get_account(tx, principal.person_id),
        }

    url = "" if invited is None else invited["url"]
    return page(
        call,
        "team.html",
        status=problem.status,
        form=form,
        problem=problem,
        invited=invited,
        form_key=new_id("frm"),
        invitation_url=f"{call.home}{url}" if url.startswith("/") else url,
        roles=ROLE_WORDS,
        scopes=ROLE_SCOPES,
        **await call.context.database.read(work),
    )


# The maximum number of objects of each kind on the page.
SHOWN_MAX: Final = 50
_KINDS: Final = {
    "keys": (phrase("API keys"), phrase("They keep working until you end them.")),
    "endpoints": (phrase("Endpoints"), phrase("They keep working until you end them.")),
    "apps": (
        phrase("Apps"),
        phrase("They keep working for their users until you end them."),
    ),
    "sends": (
        phrase("Sends for later"),
        phrase(
            "After their removal, each send waits for your approval at its time, then fails after 72 hours."
        ),
    ),
    "batches": (phrase("Bulk sends"), phrase("Unsent items wait for your approval, too.")),
    "logins": (phrase("Open logins"), phrase("After their removal, these logins give no key.")),
}


async def show_made(call: RequestContext[Fields, Fields]) -> Reply:
    require_owner(call.principal)
    found, made = await call.context.database.read(lambda tx: _find(tx, call))
    groups = [
        (kind, words, getattr(made, kind), getattr(made, kind)[:SHOWN_MAX])
        for kind, words in _KINDS.items()
    ]
    return page(call, "departure.html", member=found, made=made, groups=groups)


async def end(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    await run_own(call, END_WORK)
    return go(f"{PATH}/{call.params['member_id']}/made", said="work-ended")


async def _find(tx: Transaction, call: RequestContext[Any, Any]) -> tuple[Member, Made]:
    account_id = call.principal.account_id
    found = await member.get(tx, account_id, call.params["member_id"])
    if found.person_id is None:
        raise NotFound("Member")
    return found, await made_by(tx, account_id, found.person_id, now_us=call.now_us)


ROUTES = (
    page_route("GET", "/team", show, "Colleagues", ACCOUNT_SCOPES),
    page_route("POST", "/team", invite, "Invite a colleague", ACCOUNT_SCOPES),
    page_route("POST", "/team/switch", switch, "Act for another account", ACCOUNT_SCOPES),
    page_route("POST", "/team/leave", leave, "Leave an account", ACCOUNT_SCOPES),
    page_route("POST", "/team/{member_id}/link", renew, "Another link", ACCOUNT_SCOPES),
    page_route("POST", "/team/{member_id}/role", change_role, "Change a role", ACCOUNT_SCOPES),
    page_route("POST", "/team/{member_id}/remove", remove, "Remove a colleague", ACCOUNT_SCOPES),
    page_route("GET", "/team/{member_id}/made", show_made, "What a colleague made", ACCOUNT_SCOPES),
    page_route("POST", "/team/{member_id}/end", end, "End what a colleague made", ACCOUNT_SCOPES),
)
