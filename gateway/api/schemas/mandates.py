"""The shapes of what keys may still do: one key with all that binds it."""

from typing import Annotated

from msgspec import Meta

from billing.reports.key_tree import LimitUsage
from kernel.shaped import Shaped
from kernel.words import Cents, Count, Environment, KeyIdText, Time
from keys.api_keys.inputs import AboveCents, AbovePerDayCents, CapCents
from keys.api_keys.views import ScopeWord


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
