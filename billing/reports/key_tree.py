"""What keys may still do: the asking key itself, trees of keys, pause and resume; an account's day."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, Self

from msgspec import Meta

from billing.engine.limit import LimitView
from billing.engine.spending import KeyStandings, load_key_usage
from kernel.clock import SECOND_US, rfc3339
from kernel.shaped import Shaped
from kernel.words import Count, KeyIdText, Time
from keys.act import ActContext, ReadAct
from keys.api_keys import api_key
from keys.api_keys.acts import owner_of
from keys.api_keys.api_key import ApiKey, tree
from keys.mandate import CapUnit, ShownCap, label_of


class LimitUsage(Shaped, kw_only=True):
    """A limit, what is used of it and what is left."""

    key_id: Annotated[
        KeyIdText | None, Meta(description="The key whose it is; null: the account's own.")
    ]
    cap: Annotated[
        ShownCap,
        Meta(description="Which limit it is."),
    ]
    unit: Annotated[CapUnit, Meta(description="Of limit, spent and remaining: US cents.")]
    seconds: Annotated[Count | None, Meta(description="The length of a rolling window.")]
    limit: Annotated[Count, Meta(description="The most, in its unit.")]
    spent: Annotated[Count, Meta(description="By the key and its descendants, rounded up.")]
    remaining: Annotated[Count, Meta(description="Rounded down.")]
    resets_at: Annotated[
        Time | None, Meta(description="When all of it is free again; null: never.")
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
    """A key with its own limits, of which what its descendants spend is a part."""

    id: KeyIdText
    parent_id: KeyIdText | None
    depth: Annotated[Count, Meta(description="0: the key that was asked for.")]
    name: str
    purpose: str | None
    limits: Annotated[list[LimitUsage], Meta(description="What limits it, and what is left.")]
    paused_at: Time | None
    expires_at: Time | None
    revoked_at: Time | None

    @classmethod
    def of(cls, key: ApiKey, /, **more: Any) -> Self:
        return super().of(key, **more)


class KeyTree(Shaped, kw_only=True):
    """The key first, each parent before its children; revoked ones are left out."""

    keys: Annotated[
        list[KeyTreeNode], Meta(description="The key first, each parent before its children.")
    ]


class FoundTree(NamedTuple):
    """The key, then its descendants, and the use of their limits."""

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
    summary="A key and all that come from it",
    path="/keys/{key_id}/tree",
    scopes=("keys:write",),
    run=find_tree,
    view=view_of,
    result=KeyTree,
    owner_of=owner_of,
    columns=("id", "name", "paused_at", "cap", "limit", "remaining"),
    examples=("topup keys tree key_7Hn2",),
)
