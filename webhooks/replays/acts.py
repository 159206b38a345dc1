"""Replays: jobs that send an endpoint's deliveries again. List, show, pause, resume and cancel them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kernel.errors import NotFound
from kernel.fields import ExportPage, Fields
from kernel.tenant import Tenant
from keys.act import Act, ActContext, Audited, Change, ListAct, ReadAct
from store.database import Transaction
from store.keyset import Begin
from webhooks.replays import replay as replays
from webhooks.replays.replay import ReplayEnded
from webhooks.replays.views import Replay

_READ: Final = ("webhooks:read",)
_WRITE: Final = ("webhooks:write",)
_OWNER: Final = "SELECT account_id, environment FROM replays WHERE id = :id"


async def owner_of(tx: Transaction, replay_id: str) -> Tenant:
    """Return the account that the replay belongs to; raises NotFound."""
    row = await tx.fetch_one(_OWNER, id=replay_id)
    if row is None:
        raise NotFound("Replay", param="id")
    return Tenant(row["account_id"], row["environment"])


async def list_replays(
    context: ActContext, _asked: ExportPage, begin: Begin, limit: int
) -> Sequence[Replay]:
    """Return the account's replays, the newest first."""
    found = await replays.list_replays(context.tx, context.tenant, before_id=begin, limit=limit)
    return [Replay.at(one, context.now_us) for one in found]


async def show(context: ActContext) -> Replay:
    """Return one replay; raises NotFound."""
    found = await replays.get(context.tx, context.tenant, context.object_id)
    return Replay.at(found, context.now_us)


async def pause(context: ActContext, _asked: Fields) -> Change[Replay]:
    """Pause its queueing; raises NotFound and ReplayEnded."""
    before = await show(context)
    changed = await replays.pause(context.tx, context.tenant, context.object_id)
    return _changed(context, before, changed)


async def resume(context: ActContext, _asked: Fields) -> Change[Replay]:
    """Resume it from where it was paused; raises NotFound and ReplayEnded."""
    before = await show(context)
    changed = await replays.resume(
        context.tx, context.tenant, context.object_id, now_us=context.now_us
    )
    return _changed(context, before, changed)


async def cancel(context: ActContext, _asked: Fields) -> Change[Replay]:
    """End it; what was delivered stays delivered. Raises NotFound and ReplayEnded."""
    before = await show(context)
    changed = await replays.cancel(
        context.tx, context.tenant, context.object_id, now_us=context.now_us
    )
    return _changed(context, before, changed)


def _changed(context: ActContext, before: Replay, changed: replays.Replay) -> Change[Replay]:
    after = Replay.at(changed, context.now_us)
    # Its counts change by themselves.
    return Change(before=after if before.status == after.status else before, after=after)


def _status(view: Replay) -> Mapping[str, Any]:
    return {"status": view.status}


def _as_is(view: Replay) -> Replay:
    return view


LIST: Final[ListAct[Any, Any]] = ListAct(
    name="replay.list",
    summary="List replays",
    path="/replays",
    scopes=_READ,
    query=ExportPage,
    run=list_replays,
    view=_as_is,
    result=Replay,
    prefix="rpl",
    export=Replay.__struct_fields__,
    columns=("id", "endpoint_id", "status", "matched", "done", "failed", "created_at"),
    examples=("topup replay list",),
)
SHOW: Final = ReadAct(
    name="replay.show",
    summary="Show a replay",
    path="/replays/{replay_id}",
    scopes=_READ,
    run=show,
    view=_as_is,
    result=Replay,
    owner_of=owner_of,
    examples=("topup replay show rpl_6Tt3",),
)
PAUSE: Final = Act(
    name="replay.pause",
    summary="Pause a replay",
    path="/replays/{replay_id}/pause",
    scopes=_WRITE,
    input=Fields,
    run=pause,
    view=_as_is,
    result=Replay,
    owner_of=owner_of,
    refuses=(ReplayEnded,),
    audit=Audited("replay.paused", _status),
    examples=("topup replay pause rpl_6Tt3",),
)
RESUME: Final = Act(
    name="replay.resume",
    summary="Resume a replay",
    path="/replays/{replay_id}/resume",
    scopes=_WRITE,
    input=Fields,
    run=resume,
    view=_as_is,
    result=Replay,
    owner_of=owner_of,
    refuses=(ReplayEnded,),
    audit=Audited("replay.resumed", _status),
    examples=("topup replay resume rpl_6Tt3",),
)
CANCEL: Final = Act(
    name="replay.cancel",
    summary="Cancel a replay",
    path="/replays/{replay_id}/cancel",
    scopes=_WRITE,
    input=Fields,
    run=cancel,
    view=_as_is,
    result=Replay,
    owner_of=owner_of,
    refuses=(ReplayEnded,),
    audit=Audited("replay.cancelled", _status),
    examples=("topup replay cancel rpl_6Tt3",),
)
ACTS: Final = (LIST, SHOW, PAUSE, RESUME, CANCEL)
