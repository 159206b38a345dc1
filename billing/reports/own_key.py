"""What keys may still do: the asking key itself, trees of keys, pause and resume; an account's day."""

from typing import Annotated, Final

from msgspec import Meta

from billing.engine.spending import KeyStandings, load_key_usage
from billing.reports.key_tree import LimitUsage
from kernel.errors import NotFound
from kernel.shaped import Shaped
from kernel.words import Cents, Count, Environment, KeyIdText, Time, time_of
from keys.act import MERCHANT, ActContext, ReadAct
from keys.api_keys import api_key
from keys.api_keys.api_key import ApiKey
from keys.api_keys.grantable import together
from keys.api_keys.inputs import AboveCents, AbovePerDayCents, CapCents
from keys.api_keys.views import ScopeWord
from keys.principal import SCOPES, Principal


class AncestorKey(Shaped, kw_only=True):
    """A key that this one comes from."""

    id: KeyIdText
    name: str
    paused_at: Time | None


class OwnKey(Shaped, kw_only=True):
    """What the asking key may do now: its own limits and those of all keys above it, together."""

    id: KeyIdText
    name: str
    purpose: str | None
    environment: Environment
    parents: Annotated[list[AncestorKey], Meta(description="Nearest first.")]
    paused: Annotated[bool, Meta(description="The key, or one above it: it reads only.")]
    scopes: list[ScopeWord]
    ip_allow_lists: Annotated[
        list[list[str]], Meta(description="CIDRs; each list must have the caller's address.")
    ]
    platforms: Annotated[list[str] | None, Meta(description="The only ones; null: any.")]
    recipients: Annotated[
        list[str] | None, Meta(description="The only ones, addresses and *@domain; null: anybody.")
    ]
    per_call_cents: CapCents | None
    per_recipient_per_day_cents: Cents | None
    repeat_guard_s: Annotated[
        Count | None,
        Meta(
            description="The same recipient, platform and amount again within so many seconds is refused; null: it is not."
        ),
    ]
    approval_above_cents: AboveCents | None
    approval_above_per_day_cents: AbovePerDayCents | None
    limits: Annotated[
        list[LimitUsage],
        Meta(description="What limits it and the keys above it, and what is left."),
    ]
    max_now_cents: Annotated[
        Cents | None,
        Meta(description="The most that one spend may take now, as far as limits go; null: any."),
    ]
    expires_at: Time | None


async def show_own(context: ActContext) -> OwnKey:
    """Return what binds the asking key, whatever its scopes; raises NotFound for other credentials."""
    tx, principal = context.tx, context.asker
    lineage = () if principal is None else principal.lineage
    if principal is None or not lineage:
        raise NotFound("Key")
    standings = await load_key_usage(tx, principal.tenant, lineage, now_us=context.now_us)
    keys = [await api_key.get(tx, principal.tenant, key_id) for key_id in lineage]
    return _own(principal, keys, standings)


def _own(principal: Principal, keys: list[ApiKey], standings: KeyStandings) -> OwnKey:
    own = keys[0]
    allowed = together([key.mandate for key in keys])
    return OwnKey.of(
        own,
        parents=[AncestorKey.of(key) for key in keys[1:]],
        paused=any(key.paused_at is not None for key in keys),
        scopes=[scope for scope in SCOPES if scope in principal.scopes],
        ip_allow_lists=[[str(net) for net in nets] for nets in principal.ip_allow_lists],
        platforms=allowed.platforms,
        recipients=allowed.recipients,
        per_recipient_per_day_cents=allowed.per_recipient_per_day_cents,
        repeat_guard_s=allowed.repeat_guard_s,
        per_call_cents=_least(keys, "per_call_cents"),
        approval_above_cents=_least(keys, "approval_threshold_cents"),
        approval_above_per_day_cents=_least(keys, "approval_above_per_day_cents"),
        limits=[LimitUsage.of(one) for one in standings.of(principal.lineage).limits],
        max_now_cents=standings.of(principal.lineage).max_now_cents,
        expires_at=time_of(principal.own_expires_at),
    )


def _least(keys: list[ApiKey], name: str) -> int | None:
    found = [getattr(key, name) for key in keys]
    return min((one for one in found if one is not None), default=None)


SHOW_OWN: Final = ReadAct(
    name="keys.self",
    summary="What the asking key may do now",
    description=(
        "For any key, whatever its scopes: scopes, lists, thresholds and limits, its own and those of"
        " all keys above it together, with what is left of each and when it resets."
    ),
    path="/keys/self",
    scopes=SCOPES,
    audience=(MERCHANT,),
    run=show_own,
    result=OwnKey,
    refuses=(NotFound,),
)
