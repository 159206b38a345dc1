"""Colleagues of the account: who they are, what they may do, invitations, and which account one acts for.

Only the owner invites, changes a role or removes, and if live is open not without the password again. An
invitation's link is shown to its maker, mailed to the invited person alone, and ends with the next one.
"""

from hashlib import sha256
from typing import Any, Final

from starlette.responses import Response

from billing.recipients import account_mail
from gateway.dashboard.account.sign_in import is_secure
from gateway.dashboard.route import page_route
from gateway.html.forms import NO_PROBLEM, Form, Problem, problem_of, read_form
from gateway.html.phrase import phrase
from gateway.html.render import go, page
from gateway.http.acting import note
from gateway.http.password_again import PasswordRequired, confirm, require_password
from gateway.http.rate_limit import RateLimited, take_one
from gateway.http.request_context import RequestContext
from gateway.http.routing import Reply
from gateway.http.session_cookie import set_cookie
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.fields import Fields
from kernel.tenant import Tenant
from keys import member, session
from keys.account import get_account, lock_tenants
from keys.member import Member
from keys.normalise import normalise_email
from keys.principal import ACCOUNT_SCOPES, ROLE_SCOPES, ROLES, MemberRole, read_role, require_owner
from store.database import Transaction

PATH: Final = "/dashboard/team"
INVITATIONS_PER_HOUR: Final = 30  # of one account
FORMER_SHOWN_MAX: Final = 50
# To one address, of all accounts; beyond it the inviter may still hand over the link.
MAILS_TO_ADDRESS_PER_DAY: Final = 3
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
    require_owner(call.principal)
    account_id = call.principal.account_id
    try:
        if form.raw("password"):
            await confirm(call, form.raw("password"))
        await check_may(call)
        role = _role(form)
        await _take_one(call)
        email = normalise_email(form.text("email"), param="email")
        is_mailed = await _may_mail(call, email)

        async def work(tx: Transaction) -> Member:
            await lock_tenants(tx, [Tenant(account_id, "staging")])
            made = await member.invite(
                tx,
                account_id=account_id,
                email=email,
                role=role,
                invited_by=call.principal.person_id,
                now_us=call.now_us,
            )
            await _told(tx, call, made, is_mailed=is_mailed)
            return made

        made = await call.context.database.transaction(work)
    except PasswordRequired:
        return await _show(
            call, form, Problem(403, "", {"password": phrase("Live needs it again.")})
        )
    except DomainError as error:
        return await _show(call, form, problem_of(error))
    return await _show(call, Form(), invited=made, is_mailed=is_mailed)


async def renew(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    await check_may(call)
    account_id, member_id = call.principal.account_id, call.params["member_id"]

    async def work(tx: Transaction) -> Member:
        made = await member.renew(tx, account_id, member_id, now_us=call.now_us)
        await _told(tx, call, made, is_mailed=is_mailed)
        return made

    try:
        await _take_one(call)
        is_mailed = await _may_mail(call, await _email_of(call, member_id))
        made = await call.context.database.transaction(work)
    except (InvalidInput, RateLimited) as error:
        return await _show(call, Form(), problem_of(error))
    return await _show(call, Form(), invited=made, is_mailed=is_mailed)


async def change_role(call: RequestContext[Fields, Fields]) -> Reply:
    form = read_form(call)
    await check_may(call)
    account_id, member_id, role = call.principal.account_id, call.params["member_id"], _role(form)

    async def work(tx: Transaction) -> None:
        changed = await member.change_role(tx, account_id, member_id, role)
        await _note(tx, call, "member.role_changed", changed)

    await call.context.database.transaction(work)
    return go(PATH, said="member-changed")


async def remove(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    await check_may(call)
    account_id, member_id = call.principal.account_id, call.params["member_id"]

    async def work(tx: Transaction) -> Member:
        removed = await member.remove(tx, account_id, member_id, now_us=call.now_us)
        await _note(tx, call, "member.removed", removed)
        return removed

    removed = await call.context.database.transaction(work)
    if removed.person_id is not None:
        return go(f"{PATH}/{removed.id}/made", said="member-removed")
    return go(PATH, said="member-removed")


async def leave(call: RequestContext[Fields, Fields]) -> Reply:
    read_form(call)
    principal = call.principal

    async def work(tx: Transaction) -> str:
        left = await member.leave(tx, principal.account_id, principal.person_id, now_us=call.now_us)
        await _note(tx, call, "member.removed", left)
        return await session.act_for(tx, principal.person_id, principal.credential_id, None)

    return _moved(call, await call.context.database.transaction(work), said="member-left")


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


async def check_may(call: RequestContext[Any, Any]) -> None:
    """Raise ScopeMissing for a colleague; PasswordRequired if the result lasts, in live."""
    principal = call.principal
    require_owner(principal)
    account = await call.context.database.read(lambda tx: get_account(tx, principal.account_id))
    if account.is_live_open:
        await require_password(call, environment="live")


async def _take_one(call: RequestContext[Any, Any]) -> None:
    await take_one(
        call.context.limiter,
        f"invitations:{call.principal.account_id}",
        count=INVITATIONS_PER_HOUR,
        period_s=3600,
        detail=phrase("too many invitations were made within an hour; try again later"),
    )


async def _may_mail(call: RequestContext[Any, Any], email: str) -> bool:
    """Return whether the invitation is mailed; else the inviter hands over its link."""
    if not account_mail.is_mailed(call.context.topup_rules.mail, email):
        return False
    try:
        await take_one(
            call.context.limiter,
            f"invitation_mails:{sha256(email.encode()).hexdigest()}",
            count=MAILS_TO_ADDRESS_PER_DAY,
            period_s=86_400,
            detail="too many invitations went to that address within a day",
        )
    except RateLimited:
        return False
    return True


async def _email_of(call: RequestContext[Any, Any], member_id: str) -> str:
    account_id = call.principal.account_id
    found = await call.context.database.read(lambda tx: member.list_members(tx, account_id))
    email = next((one.email for one in found if one.id == member_id), None)
    if email is None:
        raise NotFound("Member")
    return email


async def _told(
    tx: Transaction, call: RequestContext[Any, Any], made: Member, *, is_mailed: bool
) -> None:
    await _note(tx, call, "member.invited", made)
    if is_mailed:
        await account_mail.write_invitation(tx, made, now_us=call.now_us)


def _role(form: Form) -> MemberRole:
    role = read_role(form.text("role"))
    if role is None:
        raise InvalidInput(phrase("choose a role"), param="role")
    return role


async def _note(tx: Transaction, call: RequestContext[Any, Any], action: str, on: Member) -> None:
    after = {"email": on.email, "role": on.role}
    await note(tx, call, action, on.id, environment="", after=after)


async def _show(
    call: RequestContext[Any, Any],
    form: Form,
    problem: Problem = NO_PROBLEM,
    *,
    invited: Member | None = None,
    is_mailed: bool = False,
) -> Response:
    """Show the link of invited this once; is_mailed: they get it by mail, too."""
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

    url = None
    if invited is not None and invited.invitation_id is not None:
        rules = call.context.topup_rules
        url = rules.invitation_url(invited.invitation_id, call.home)
    return page(
        call,
        "team.html",
        status=problem.status,
        form=form,
        problem=problem,
        invited=invited,
        invitation_url=url,
        is_mailed=is_mailed,
        roles=ROLE_WORDS,
        scopes=ROLE_SCOPES,
        **await call.context.database.read(work),
    )


ROUTES = (
    page_route("GET", "/team", show, "Colleagues", ACCOUNT_SCOPES),
    page_route("POST", "/team", invite, "Invite a colleague", ACCOUNT_SCOPES),
    page_route("POST", "/team/switch", switch, "Act for another account", ACCOUNT_SCOPES),
    page_route("POST", "/team/leave", leave, "Leave an account", ACCOUNT_SCOPES),
    page_route("POST", "/team/{member_id}/link", renew, "Another link", ACCOUNT_SCOPES),
    page_route("POST", "/team/{member_id}/role", change_role, "Change a role", ACCOUNT_SCOPES),
    page_route("POST", "/team/{member_id}/remove", remove, "Remove a colleague", ACCOUNT_SCOPES),
)
