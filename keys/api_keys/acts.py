"""API keys: create, list, show, change, pause, resume, revoke and rotate them."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, UnsetType

from kernel.errors import InvalidInput, LimitReached, NotFound
from kernel.fields import ExportPage, Fields, Int64, time_us, within
from kernel.problems import FieldEntry, most_similar
from kernel.tenant import Tenant
from keys.act import MERCHANT, Act, ActContext, Audited, Change, ListAct, ReadAct
from keys.api_keys import api_key, fields
from keys.api_keys.api_key import OVERLAP_S_MAX, SORTS, ApiKey as Key
from keys.api_keys.inputs import KeyChanges, NewKey, limits_of
from keys.api_keys.lookup import load_key_states
from keys.api_keys.views import ApiKey, CreatedKey, audited
from keys.mandate import NUMBERS
from keys.principal import ADMIN, SCOPES, ScopeMissing
from store.database import Transaction
from store.keyset import Begin

_SCOPES: Final = ("keys:write",)
_EXPORT: Final = (
    *("id", "name", "parent_id", "prefix", "last4", "scopes", "purpose", "client_id"),
    *("caps.per_call_cents", "caps.per_day_cents", "caps.per_month_cents", "lifetime_cents"),
    *("windows", "approval_above_cents", "approval_above_per_day_cents"),
    *(fact.name for fact in NUMBERS),
    *(
        "platforms",
        "recipients",
        "ip_allow_list",
        "created_at",
        "expires_at",
        "last_used_at",
        "paused_at",
    ),
    "revoked_at",
)


@dataclass(frozen=True, slots=True)
class KnownPlatforms:
    ids: Callable[[Transaction, str], Awaitable[Collection[str]]]


async def check_platforms(
    context: ActContext, names: Iterable[str] | None, *, kept: Collection[str] = ()
) -> None:
    """Raise InvalidInput for an unknown platform. Removed platforms in `kept` are allowed."""
    wanted = list(names or ())
    if wanted:
        known = await context.service(KnownPlatforms).ids(context.tx, context.tenant.environment)
        check_names(wanted, known, kept=kept)


def check_names(
    names: Iterable[str] | None, known: Collection[str], *, kept: Collection[str] = ()
) -> None:
    wanted = [name.strip().lower() for name in names or ()]
    problems = [_problem(name, known) for name in wanted if name not in known and name not in kept]
    if problems:
        raise InvalidInput(problems[0]["detail"], param="platforms", errors=problems)


def _problem(name: str, known: Collection[str]) -> FieldEntry:
    similar = most_similar(name, known)
    hint = f": is {similar} meant?" if similar is not None else f", they are {', '.join(known)}"
    problem: FieldEntry = {
        "param": "platforms",
        "detail": f"there is no platform of one of these names{hint}",
        "allowed": list(known),
    }
    return problem if similar is None else {**problem, "did_you_mean": similar}


class Rotation(Fields, frozen=True, kw_only=True):
    """How long the old secret still works after the rotation."""

    overlap_s: Annotated[
        Int64,
        within(0, OVERLAP_S_MAX),
        Meta(description="How long the old secret still works, in seconds."),
    ] = 0


async def owner_of(tx: Transaction, key_id: str) -> Tenant:
    state = (await load_key_states(tx, [key_id])).get(key_id)
    if state is None:
        raise NotFound("Key")
    return Tenant(state.account_id, state.environment)


def new_key(asked: NewKey) -> fields.NewKey:
    return fields.NewKey(
        name=asked.name,
        preset=asked.preset,
        scopes=asked.scopes,
        ip_allow_list=asked.ip_allow_list,
        expires_at=time_us(asked.expires_at, "expires_at"),
        **limits_of(asked, asked.caps or UNSET),
    )


def _check_admin(context: ActContext, scopes: Sequence[str] | UnsetType | None) -> None:
    """Raise ScopeMissing if a call to the operators' API would give a key the scope admin. The key would
    outlive the caller's token.
    """
    is_operators_api = context.asker is None and context.by.kind != "cli"
    if is_operators_api and scopes is not UNSET and ADMIN in (scopes or ()):
        raise ScopeMissing(
            "Keys with the scope admin can be created and changed only on the installation's own "
            "machine. To create one, run: topup keys create --scope admin.",
            reason="scope",
        )


async def create_key(context: ActContext, asked: NewKey) -> Change[Key]:
    _check_admin(context, asked.scopes)
    new = new_key(asked)
    await check_platforms(context, asked.platforms or ())
    made, secret = await api_key.mint(
        context.tx,
        account_id=context.tenant.account_id,
        environment=context.environment,
        parent=context.asker,
        new=new,
        now_us=context.now_us,
    )
    return Change(after=made, shown_once={"key": secret})


async def list_keys(
    context: ActContext, _asked: ExportPage, begin: Begin, limit: int
) -> Sequence[Key]:
    return await api_key.list_keys(
        context.tx, context.tenant, viewer=context.asker, before_id=begin, limit=limit
    )


async def show_key(context: ActContext) -> Key:
    return await api_key.get(context.tx, context.tenant, context.object_id, viewer=context.asker)


async def change_key(context: ActContext, asked: KeyChanges) -> Change[Key]:
    _check_admin(context, asked.scopes)
    plain = {name: getattr(asked, name) for name in ("name", "scopes", "ip_allow_list")}
    changes = {name: value for name, value in plain.items() if value is not UNSET}
    changes |= limits_of(asked, asked.caps)
    if asked.expires_at is not UNSET:
        changes["expires_at"] = time_us(asked.expires_at, "expires_at")
    before = await show_key(context)
    _check_admin(context, before.scopes)
    if asked.platforms is not UNSET:
        await check_platforms(context, asked.platforms, kept=before.mandate.platforms)
    after = await api_key.patch(
        context.tx,
        context.tenant,
        context.object_id,
        changes=changes,
        asker=context.asker,
        now_us=context.now_us,
    )
    return Change(before=before, after=after)


async def revoke_key(context: ActContext, _asked: Fields) -> Change[Key]:
    before = await show_key(context)
    ended = await api_key.revoke(
        context.tx,
        context.tenant,
        context.object_id,
        asker=context.asker,
        now_us=context.now_us,
    )
    return Change(before=before, after=ended)


async def revoke_own(context: ActContext, _asked: Fields) -> Change[Key]:
    lineage = context.caller.lineage
    if not lineage:
        raise NotFound("Key")
    before = await api_key.get(context.tx, context.tenant, lineage[0])
    ended = await api_key.revoke(
        context.tx, context.tenant, lineage[0], asker=None, now_us=context.now_us
    )
    return Change(before=before, after=ended)


async def pause_key(context: ActContext, _asked: Fields) -> Change[Key]:
    before = await show_key(context)
    paused = await api_key.pause(
        context.tx,
        context.tenant,
        context.object_id,
        asker=context.asker,
        now_us=context.now_us,
    )
    return Change(before=before, after=paused)


async def resume_key(context: ActContext, _asked: Fields) -> Change[Key]:
    """Resume a paused key. Only a user or an unrelated key can do this."""
    before = await api_key.get(context.tx, context.tenant, context.object_id)
    _check_admin(context, before.scopes)
    resumed = await api_key.resume(
        context.tx, context.tenant, context.object_id, asker=context.asker
    )
    return Change(before=before, after=resumed)


async def rotate_key(context: ActContext, asked: Rotation) -> Change[Key]:
    _check_admin(context, (await show_key(context)).scopes)
    rotated, secret = await api_key.rotate(
        context.tx,
        context.tenant,
        context.object_id,
        overlap_s=asked.overlap_s,
        asker=context.asker,
        now_us=context.now_us,
    )
    noted = {"overlap_s": asked.overlap_s}
    return Change(after=rotated, shown_once={"key": secret}, noted=noted)


def _name_alone(key: Key) -> dict[str, Any]:
    return {"name": key.name}


CREATE_KEY = Act(
    name="keys.create",
    moves_money=True,
    summary="Create a key",
    path="/keys",
    scopes=_SCOPES,
    input=NewKey,
    run=create_key,
    view=ApiKey.of,
    result=CreatedKey,
    status=201,
    refuses=(LimitReached,),
    shows_secret=True,
    asks_password=True,
    audit=Audited("key.created", audited),
    event="key.created",
    examples=(
        "topup keys create --name agent --preset agent --per-day-cents 5000 --approval-above-per-day-cents 2000",
    ),
)
LIST_KEYS = ListAct(
    name="keys.list",
    summary="List keys",
    path="/keys",
    scopes=_SCOPES,
    query=ExportPage,
    run=list_keys,
    result=ApiKey,
    prefix="key",
    sorts=SORTS,
    export=_EXPORT,
    columns=("id", "name", "last4", "paused_at", "revoked_at", "last_used_at", "scopes"),
    examples=("topup keys list",),
)
SHOW_KEY = ReadAct(
    name="keys.show",
    summary="Show a key",
    path="/keys/{key_id}",
    scopes=_SCOPES,
    run=show_key,
    result=ApiKey,
    owner_of=owner_of,
    examples=("topup keys show key_7Hn2",),
)
CHANGE_KEY = Act(
    name="keys.set",
    moves_money=True,
    summary="Change a key",
    method="PATCH",
    path="/keys/{key_id}",
    scopes=_SCOPES,
    input=KeyChanges,
    run=change_key,
    result=ApiKey,
    owner_of=owner_of,
    asks_password=True,
    audit=Audited("key.changed", audited),
    examples=("topup keys set key_7Hn2 --per-day-cents 5000 --no recipients",),
)
REVOKE_KEY = Act(
    name="keys.revoke",
    summary="Revoke a key",
    method="DELETE",
    path="/keys/{key_id}",
    scopes=_SCOPES,
    input=Fields,
    run=revoke_key,
    result=ApiKey,
    owner_of=owner_of,
    is_for_suspended=True,
    audit=Audited("key.revoked", _name_alone),
    event="key.revoked",
    asks="Revoke {name} ({id}) and all its descendants? They stop working for good.",
    examples=("topup keys revoke key_7Hn2",),
)
REVOKE_OWN = Act(
    name="keys.revoke-self",
    summary="Revoke the calling key",
    description="Any key may make this call, whatever its scopes. The key and all its descendants are revoked for"
    " good.",
    method="DELETE",
    path="/keys/self",
    scopes=SCOPES,
    audience=(MERCHANT,),
    input=Fields,
    run=revoke_own,
    result=ApiKey,
    is_for_paused=True,
    is_for_suspended=True,
    refuses=(NotFound,),
    audit=Audited("key.revoked", _name_alone),
    event="key.revoked",
)
ROTATE_KEY = Act(
    name="keys.rotate",
    moves_money=True,
    summary="Rotate a key",
    path="/keys/{key_id}/rotate",
    scopes=_SCOPES,
    input=Rotation,
    run=rotate_key,
    view=ApiKey.of,
    result=CreatedKey,
    owner_of=owner_of,
    shows_secret=True,
    asks_password=True,
    audit=Audited("key.rotated", audited),
    examples=("topup keys rotate key_7Hn2 --overlap-s 3600",),
)
PAUSE_KEY = Act(
    name="keys.pause",
    undo="keys.resume",
    summary="Pause a key",
    description="Until the key is resumed, it and its descendants can read, but can't spend or create anything."
    " Scheduled top-ups fail at their time and are refunded. Held amounts can still be captured.",
    path="/keys/{key_id}/pause",
    scopes=_SCOPES,
    input=Fields,
    run=pause_key,
    result=ApiKey,
    owner_of=owner_of,
    is_for_paused=True,
    audit=Audited("key.paused", _name_alone),
    event="key.paused",
    examples=("topup keys pause key_7Hn2",),
)
RESUME_KEY = Act(
    name="keys.resume",
    undo="keys.pause",
    moves_money=True,
    summary="Resume a paused key",
    description="Only a user, or a key that shares no ancestor with this key, can resume it, so a stopped agent"
    " can't restart itself. Other callers get 2009 with reason lineage.",
    path="/keys/{key_id}/resume",
    scopes=("keys:write", "approvals:write"),
    input=Fields,
    run=resume_key,
    result=ApiKey,
    owner_of=owner_of,
    asks_password=True,
    audit=Audited("key.resumed", _name_alone),
    event="key.resumed",
    examples=("topup keys resume key_7Hn2",),
)
ACTS = (
    CREATE_KEY,
    LIST_KEYS,
    SHOW_KEY,
    CHANGE_KEY,
    REVOKE_KEY,
    ROTATE_KEY,
    PAUSE_KEY,
    RESUME_KEY,
)
