"""Colleagues: invite them, change their roles, remove them, end their keys, and leave an account.

Only the owner can invite colleagues, change roles and remove colleagues. If the live environment is open, each of these
requires the owner's password.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

from msgspec import Meta

from billing.recipients import account_mail
from billing.team.ending import Ending, Made
from billing.topups.mail import MailRules
from billing.topups.rules import TopUpRules
from kernel.errors import NotFound
from kernel.fields import Fields, Page, said
from kernel.shaped import Shaped
from kernel.words import Time
from keys import member
from keys.account import get_account
from keys.act import (
    OPERATOR,
    Act,
    ActContext,
    Audited,
    CallContext,
    Change,
    ListAct,
    Pace,
    ReadAct,
    StepsAct,
)
from keys.member import Member
from keys.normalise import normalise_email
from keys.principal import ACCOUNT_SCOPES, MemberRole, require_owner
from store.database import Database
from store.keyset import Begin

MAILS_TO_ADDRESS_PER_DAY: Final = 3
_PACES: Final = (Pace(30, 3600, "invitations"),)
Role = Annotated[MemberRole, Meta(description="The colleague's role."), said("Role")]


class InvitationMails(NamedTuple):
    may_mail: Callable[[str], Awaitable[bool]]


class NewColleague(Fields, frozen=True, kw_only=True):
    email: Annotated[str, Meta(max_length=320, description="The address for the invitation.")]
    role: Role


class RoleChange(Fields, frozen=True, kw_only=True):
    role: Role


class InvitedColleague(Shaped, kw_only=True):
    """An invitation. `url` is shown only in this response. `is_mailed` means that the invitation is also sent by mail."""

    id: str
    email: str
    role: str
    expires_at: Time | None
    url: str = ""
    is_mailed: bool = False


class Colleague(Shaped, kw_only=True):
    """A colleague of an account, or an invited person."""

    id: str
    email: Annotated[str, Meta(description="The address to which the invitation was sent.")]
    role: Annotated[str, Meta(description="The colleague's role.")]
    joined_at: Annotated[Time | None, Meta(description="When the colleague joined, if ever.")]
    person_id: Annotated[str | None, Meta(description="The account that the colleague uses.")]


class EndedWork(Shaped, kw_only=True):
    """How many of a colleague's objects were ended."""

    keys: Annotated[int, Meta(description="The number of API keys that were revoked.")]
    endpoints: Annotated[int, Meta(description="The number of webhooks that were deleted.")]
    apps: Annotated[int, Meta(description="The number of OAuth apps that were disabled.")]
    sends: Annotated[int, Meta(description="The number of sends that were cancelled.")]
    batches: Annotated[int, Meta(description="The number of bulk sends that were cancelled.")]
    logins: Annotated[int, Meta(description="The number of pending logins that were withdrawn.")]


async def list_team(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[Member]:
    return await member.list_members(context.tx, context.tenant.account_id)


async def show_member(context: ActContext) -> Member:
    return await member.get(context.tx, context.tenant.account_id, context.object_id)


async def is_lasting(context: ActContext, _asked: Fields) -> bool:
    """Return whether the owner must enter the password again. Raise ScopeMissing if the caller isn't the owner."""
    _require_owner(context)
    return (await get_account(context.tx, context.tenant.account_id)).is_live_open


async def check_mail(context: CallContext, asked: NewColleague, _database: Database) -> bool:
    _require_owner(context)
    return await _is_mailed(context, normalise_email(asked.email, param="email"))


async def check_mail_again(context: CallContext, _asked: Fields, database: Database) -> bool:
    _require_owner(context)
    account_id, member_id = context.tenant.account_id, context.object_id
    found = await database.read(lambda tx: member.get(tx, account_id, member_id))
    return await _is_mailed(context, found.email)


async def invite(context: ActContext, asked: NewColleague) -> Change[Member]:
    made = await member.invite(
        context.tx,
        account_id=context.tenant.account_id,
        email=asked.email,
        role=asked.role,
        invited_by=context.caller.person_id,
        now_us=context.now_us,
    )
    return await _invited(context, made)


async def renew(context: ActContext, _asked: Fields) -> Change[Member]:
    account_id, member_id = context.tenant.account_id, context.object_id
    made = await member.renew(context.tx, account_id, member_id, now_us=context.now_us)
    return await _invited(context, made)


async def change_role(context: ActContext, asked: RoleChange) -> Change[Member]:
    _require_owner(context)
    changed = await member.change_role(
        context.tx, context.tenant.account_id, context.object_id, asked.role
    )
    return Change(after=changed)


async def remove(context: ActContext, _asked: Fields) -> Change[Member]:
    _require_owner(context)
    removed = await member.remove(
        context.tx, context.tenant.account_id, context.object_id, now_us=context.now_us
    )
    return Change(after=removed, is_gone=True)


async def leave(context: ActContext, _asked: Fields) -> Change[Member]:
    caller = context.caller
    left = await member.leave(
        context.tx, caller.account_id, caller.person_id, now_us=context.now_us
    )
    return Change(after=left, is_gone=True)


async def end_work(context: CallContext, _asked: Fields) -> Made:
    _require_owner(context)
    account_id, member_id = context.tenant.account_id, context.object_id
    found = await context.database.read(lambda tx: member.get(tx, account_id, member_id))
    if found.person_id is None:
        raise NotFound("Member")
    return await context.service(Ending).end_all(account_id, found.person_id, by=context.by)


def _require_owner(context: CallContext) -> None:
    if context.asker is not None:
        require_owner(context.asker)


async def _is_mailed(context: CallContext, email: str) -> bool:
    if not account_mail.is_mailed(context.service(MailRules), email):
        return False
    return await context.service(InvitationMails).may_mail(email)


async def _invited(context: ActContext, made: Member) -> Change[Member]:
    if context.prepared:
        await account_mail.write_invitation(context.tx, made, now_us=context.now_us)
    assert made.invitation_id is not None, "it was made just now"
    url = context.service(TopUpRules).invitation_url(made.invitation_id)
    return Change(after=made, shown_once={"url": url, "is_mailed": context.prepared})


def _audited(found: Member) -> Mapping[str, Any]:
    return {"email": found.email, "role": found.role}


def _ended(made: Made) -> EndedWork:
    return EndedWork(**{name: len(getattr(made, name)) for name in EndedWork.__struct_fields__})


_COMMON: Final[dict[str, Any]] = {"scopes": ACCOUNT_SCOPES, "is_account_wide": True}
LIST: Final = ListAct(
    name="team.list",
    summary="List an account's colleagues, and who is invited",
    description="Each colleague who has joined also has their own account.",
    path="/team",
    audience=(OPERATOR,),
    query=Page,
    run=list_team,
    result=Colleague,
    columns=("id", "email", "role", "joined_at", "person_id"),
    examples=("topup team list --account ops@acme.example",),
    **_COMMON,
)
SHOW: Final = ReadAct(
    name="team.show",
    summary="Show a colleague",
    path="/team/{member_id}",
    audience=(OPERATOR,),
    run=show_member,
    result=Colleague,
    examples=("topup team show mbr_4Kp1 --account ops@acme.example",),
    **_COMMON,
)
INVITE: Final = Act(
    name="team.invite",
    summary="Invite a colleague",
    path="/team",
    audience=(),
    input=NewColleague,
    prepare=check_mail,
    run=invite,
    result=InvitedColleague,
    shows_secret=True,
    asks_password_if=is_lasting,
    paces=_PACES,
    audit=Audited("member.invited", _audited),
    **_COMMON,
)
RENEW: Final = Act(
    name="team.renew",
    summary="Create a new invitation link",
    description="The previous link stops working.",
    path="/team/{member_id}/link",
    audience=(),
    input=Fields,
    prepare=check_mail_again,
    run=renew,
    result=InvitedColleague,
    shows_secret=True,
    asks_password_if=is_lasting,
    paces=_PACES,
    audit=Audited("member.invited", _audited),
    **_COMMON,
)
CHANGE_ROLE: Final = Act(
    name="team.change-role",
    summary="Change a colleague's role",
    path="/team/{member_id}/role",
    audience=(),
    input=RoleChange,
    run=change_role,
    result=Colleague,
    asks_password_if=is_lasting,
    audit=Audited("member.role_changed", _audited),
    done="The colleague has the new role from now on.",
    **_COMMON,
)
REMOVE: Final = Act(
    name="team.remove",
    summary="Remove a colleague, or withdraw an invitation",
    description="The colleague loses access immediately. What they created stays until you end it.",
    path="/team/{member_id}/remove",
    audience=(OPERATOR,),
    input=Fields,
    run=remove,
    result=Colleague,
    asks_password_if=is_lasting,
    is_for_paused=True,
    is_for_suspended=True,
    audit=Audited("member.removed", _audited),
    asks="Remove {email}? They lose access at once.",
    done="The colleague no longer has access.",
    examples=("topup team remove mbr_4Kp1 --account ops@acme.example",),
    **_COMMON,
)
LEAVE: Final = Act(
    name="team.leave",
    summary="Leave an account",
    path="/team/leave",
    audience=(),
    input=Fields,
    run=leave,
    result=Colleague,
    is_for_paused=True,
    is_for_suspended=True,
    audit=Audited("member.removed", _audited),
    **_COMMON,
)
END_WORK: Final = StepsAct(
    name="team.end-work",
    summary="End everything that a colleague created",
    description="This revokes the colleague's keys, deletes their webhooks, disables their apps, and cancels"
    " unsent top-ups, whose funds are returned.",
    path="/team/{member_id}/end-work",
    audience=(OPERATOR,),
    input=Fields,
    run=end_work,
    view=_ended,
    result=EndedWork,
    moves_money=True,
    asks_password_if=is_lasting,
    is_for_paused=True,
    is_for_suspended=True,
    asks="End everything that {email} made? It cannot be undone.",
    done="Everything that the colleague created has ended.",
    examples=("topup team end-work mbr_4Kp1 --account ops@acme.example",),
    **_COMMON,
)
# Only the owner's pages can invite colleagues and change roles. If these were acts, a stolen token could give lasting
# access.
ACTS: Final = (LIST, SHOW, REMOVE, END_WORK)
