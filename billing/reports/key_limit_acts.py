"""Spending limits: show the limits of a key and its descendants, and set the account's limit."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple, Self

from msgspec import Meta

from billing.engine.limit import LimitView
from billing.engine.spending import KeyStandings, load_key_usage
from kernel.clock import SECOND_US, rfc3339, time_of
from kernel.errors import NotFound
from kernel.fields import Fields, said
from kernel.limits import INT64_MAX
from kernel.shaped import Shaped
from kernel.words import Cents, Count, Environment, KeyIdText, Time
from keys.account import set_day_limit
from keys.act import MERCHANT, Act, ActContext, Audited, Change, ReadAct
from keys.api_keys import api_key
from keys.api_keys.acts import owner_of
from keys.api_keys.api_key import ApiKey, tree
from keys.api_keys.grantable import together
from keys.api_keys.inputs import AboveCents, AbovePerDayCents, CapCents
from keys.api_keys.views import ScopeWord
from keys.mandate import CapUnit, ShownCap, label_of
from keys.principal import SCOPES, Principal, require_owner


class LimitUsage(Shaped, kw_only=True):
    """A spending limit, with how much of it is used and how much is left."""

    key_id: Annotated[
        KeyIdText | None,
        Meta(description="The key that has the limit. Null for the account's own limit."),
    ]
    cap: Annotated[ShownCap, Meta(description="The name of the limit.")]
    unit: Annotated[
        CapUnit, Meta(description="The unit of limit, spent and remaining; cents are US cents.")
    ]
    seconds: Annotated[
        Count | None,
        Meta(description="The length of a rolling window, in seconds. Null for other limits."),
    ]
    limit: Annotated[Count, Meta(description="The limit, in that unit.")]
    spent: Annotated[
        Count, Meta(description="The part that the key and its descendants used, rounded up.")
    ]
    remaining: Annotated[Count, Meta(description="The part that is left, rounded down.")]
    resets_at: Annotated[
        Time | None, Meta(description="When the full limit is available again. Null means never.")
    ]

    @property
    def label(self) -> str:
        return label_of(self.cap)

    @classmethod
    def of(cls, view: LimitView, /, **more: Any) -> Self:
        at = view.resets_at
        shown = None if at is None else rfc3339(-(-at // SECOND_US) * SECOND_US)
        return super().of(view, resets_at=shown, **more)


class KeyTreeNode(Shaped, kw_only=True):
    """A key with its own limits. Its descendants' spending counts against these limits, too."""

    id: KeyIdText
    parent_id: KeyIdText | None
    depth: Annotated[Count, Meta(description="The distance from the requested key, which has 0.")]
    name: str
    purpose: str | None
    limits: Annotated[
        list[LimitUsage], Meta(description="The key's own limits, and what is left of each.")
    ]
    paused_at: Time | None
    expires_at: Time | None
    revoked_at: Time | None

    @classmethod
    def of(cls, key: ApiKey, /, **more: Any) -> Self:
        return super().of(key, **more)


class KeyTree(Shaped, kw_only=True):
    """A key and its descendants. Parents come before their children. Revoked keys are omitted."""

    keys: Annotated[
        list[KeyTreeNode],
        Meta(description="The requested key first; parents come before their children."),
    ]


class FoundTree(NamedTuple):
    keys: Sequence[ApiKey]
    standings: KeyStandings


async def find_tree(context: ActContext) -> FoundTree:
    tx, tenant = context.tx, context.tenant
    await api_key.get(tx, tenant, context.object_id, viewer=context.asker)
    keys = await tree(tx, tenant, context.object_id)
    ids = [key.id for key in keys]
    return FoundTree(keys, await load_key_usage(tx, tenant, ids, now_us=context.now_us))


def view_of(found: FoundTree) -> KeyTree:
    root = found.keys[0]
    return KeyTree(
        keys=[
            KeyTreeNode.of(
                key,
                depth=len(key.lineage) - len(root.lineage),
                limits=[
                    LimitUsage.of(one)
                    for one in found.standings.of((key.id,)).limits
                    if one.key_id is not None
                ],
            )
            for key in found.keys
        ]
    )


SHOW_TREE = ReadAct(
    name="keys.tree",
    summary="Show a key and its descendants",
    path="/keys/{key_id}/tree",
    scopes=("keys:write",),
    run=find_tree,
    view=view_of,
    result=KeyTree,
    owner_of=owner_of,
    columns=("id", "name", "paused_at", "cap", "limit", "remaining"),
    examples=("topup keys tree key_7Hn2",),
)


class AncestorKey(Shaped, kw_only=True):
    """An ancestor of the key."""

    id: KeyIdText
    name: str
    paused_at: Time | None


class OwnKey(Shaped, kw_only=True):
    """What the calling key may do now, under its own limits and those of all its ancestors."""

    id: KeyIdText
    name: str
    purpose: str | None
    environment: Environment
    parents: Annotated[list[AncestorKey], Meta(description="The key's ancestors, nearest first.")]
    paused: Annotated[
        bool, Meta(description="True if the key or an ancestor is paused. It can then only read.")
    ]
    scopes: list[ScopeWord]
    ip_allow_lists: Annotated[
        list[list[str]],
        Meta(description="Lists of CIDRs. The caller's address must be in each list."),
    ]
    platforms: Annotated[
        list[str] | None, Meta(description="The only platforms allowed. Null means any.")
    ]
    recipients: Annotated[
        list[str] | None,
        Meta(description="The only recipients allowed, as addresses or *@domain. Null means any."),
    ]
    per_call_cents: CapCents | None
    per_recipient_per_day_cents: Cents | None
    repeat_guard_s: Annotated[
        Count | None,
        Meta(
            description="A send with the same recipient, platform and amount is refused for this many seconds."
            " Null means no refusal."
        ),
    ]
    approval_above_cents: AboveCents | None
    approval_above_per_day_cents: AbovePerDayCents | None
    limits: Annotated[
        list[LimitUsage],
        Meta(description="The limits of the key and its ancestors, and what is left of each."),
    ]
    max_now_cents: Annotated[
        Cents | None,
        Meta(description="The largest amount that the limits allow to spend now. Null means any."),
    ]
    expires_at: Time | None


async def show_own(context: ActContext) -> OwnKey:
    """Raise NotFound if the caller doesn't use a key."""
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
    summary="Show what the calling key may do now",
    description="Any key may call this, whatever its scopes. It returns the scopes, lists, thresholds and limits"
    " of the key and its ancestors together, with what is left of each limit and when it resets.",
    path="/keys/self",
    scopes=SCOPES,
    audience=(MERCHANT,),
    run=show_own,
    result=OwnKey,
    refuses=(NotFound,),
)


class AccountLimitsBody(Fields, frozen=True, kw_only=True):
    """The account's own limit in this environment."""

    per_day_cents: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=INT64_MAX,
                description="The most that all credentials together may spend on one UTC day. Null means no"
                " limit.",
            ),
            said("Daily limit", unit="cents"),
        ]
        | None
    )


class AccountLimits(Shaped, kw_only=True):
    """The limit on what all credentials of the account spend together in this environment."""

    per_day_cents: Annotated[
        Cents | None,
        Meta(
            description="The most that all credentials together may spend on one UTC day. Null means no limit."
        ),
    ]
    spent_cents: Annotated[
        Cents | None,
        Meta(description="The amount spent today since the limit was set. Null without a limit."),
    ]
    remaining_cents: Cents | None
    resets_at: Time | None


async def show_limits(context: ActContext) -> AccountLimits:
    standings = await load_key_usage(context.tx, context.tenant, (), now_us=context.now_us)
    limits = [LimitUsage.of(one) for one in standings.of(()).limits]
    if not limits:
        return AccountLimits(
            per_day_cents=None, spent_cents=None, remaining_cents=None, resets_at=None
        )
    day = limits[0]
    return AccountLimits(
        per_day_cents=day.limit,
        spent_cents=day.spent,
        remaining_cents=day.remaining,
        resets_at=day.resets_at,
    )


async def limit_day(context: ActContext, asked: AccountLimitsBody) -> Change[AccountLimits]:
    if context.asker is not None:
        require_owner(context.asker)
    before = await show_limits(context)
    await set_day_limit(context.tx, context.tenant, asked.per_day_cents)
    return Change(before=before, after=await show_limits(context))


def _audited(limits: AccountLimits) -> Mapping[str, Any]:
    return {"per_day_cents": limits.per_day_cents}


SHOW_LIMITS = ReadAct(
    name="accounts.limits",
    summary="Show the account's daily limit",
    path="/account/limits",
    scopes=("topup:read", "keys:write"),
    run=show_limits,
    result=AccountLimits,
    examples=("topup accounts limits --account ops@acme.example --environment live",),
)
LIMIT_DAY = Act(
    name="accounts.limit",
    summary="Set the account's daily limit",
    description="The limit covers sends, usage and holds by all keys, tokens, people and apps, counted from when"
    " it is set. Only a signed-in user can set it.",
    method="PUT",
    path="/account/limits",
    scopes=("keys:write",),
    input=AccountLimitsBody,
    run=limit_day,
    result=AccountLimits,
    moves_money=True,
    session_only=True,
    asks_password=True,
    audit=Audited("account.limited", _audited),
    done="The limit applies from now on.",
    examples=(
        "topup accounts limit --account ops@acme.example --environment live --per-day-cents 100000",
        "topup accounts limit --account ops@acme.example --environment live --no per-day",
    ),
)
ACCOUNT_LIMIT_ACTS = (SHOW_LIMITS, LIMIT_DAY)
