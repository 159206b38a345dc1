"""The shapes of what keys may still do: one key with all that binds it, a tree of keys, an account's limit."""

from typing import Annotated, Any, Literal, Self

from msgspec import Meta

from billing.engine.limit import LimitView
from gateway.answers.words import Cents, Count, Environment, KeyIdText, ScopeWord, Time
from kernel.clock import SECOND_US, rfc3339
from kernel.shaped import Shaped
from keys.api_keys.api_key import ApiKey


class LimitUsage(Shaped, kw_only=True):
    """A limit, what is used of it and what is left."""

    key_id: Annotated[
        KeyIdText | None, Meta(description="The key whose it is; null: the account's own.")
    ]
    cap: Annotated[
        Literal["per_day", "per_month", "lifetime", "window", "sends_per_hour", "account_per_day"],
        Meta(description="Which limit it is."),
    ]
    unit: Annotated[
        Literal["cents", "sends"], Meta(description="Of limit, spent and remaining: US cents.")
    ]
    seconds: Annotated[Count | None, Meta(description="The length of a rolling window.")]
    limit: Annotated[Count, Meta(description="The most, in its unit.")]
    spent: Annotated[Count, Meta(description="By the key and its descendants, rounded up.")]
    remaining: Annotated[Count, Meta(description="Rounded down.")]
    resets_at: Annotated[
        Time | None, Meta(description="When all of it is free again; null: never.")
    ]

    @classmethod
    def of(cls, view: LimitView, /, **more: Any) -> Self:
        at = view.resets_at
        shown = None if at is None else rfc3339(-(-at // SECOND_US) * SECOND_US)
        return super().of(view, resets_at=shown, **more)


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
    per_call_cents: Cents | None
    per_recipient_per_day_cents: Cents | None
    repeat_guard_s: Annotated[
        Count | None,
        Meta(
            description="The same recipient, platform and amount again within so many seconds is refused; null: it is not."
        ),
    ]
    approval_above_cents: Cents | None
    approval_above_per_day_cents: Cents | None
    limits: Annotated[
        list[LimitUsage],
        Meta(description="What limits it and the keys above it, and what is left."),
    ]
    max_now_cents: Annotated[
        Cents | None,
        Meta(description="The most that one spend may take now, as far as limits go; null: any."),
    ]
    expires_at: Time | None


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


class AccountLimits(Shaped, kw_only=True):
    """What binds all credentials of the account together, in this environment."""

    per_day_cents: Annotated[
        Cents | None, Meta(description="On one UTC day, by all of them; null: no such limit.")
    ]
    spent_cents: Annotated[
        Cents | None, Meta(description="Today, since the limit is there; null without one.")
    ]
    remaining_cents: Cents | None
    resets_at: Time | None
