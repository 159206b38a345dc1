"""The schemas of events about keys and their limits. Pure; webhooks/events/schemas.py lists them."""

from typing import Annotated

from msgspec import Meta

from kernel.words import KeyIdText, Time
from keys.mandate import CapUnit, ShownCap
from webhooks.events.schema_words import EventData


class CapUsed(EventData, kw_only=True):
    """A limit of a key, or of its account, as it stands after a spend. Told once in a window, and of a
    rolling one once in its length; again only where the limit was changed.
    """

    key_id: Annotated[
        KeyIdText | None, Meta(description="Whose limit it is; null: the account's own.")
    ]
    cap: Annotated[
        ShownCap,
        Meta(description="Which limit. per_day and per_month are calendar windows of UTC."),
    ]
    unit: Annotated[CapUnit, Meta(description="Of limit, spent and remaining: US cents.")]
    seconds: Annotated[
        Annotated[int, Meta(ge=60)] | None, Meta(description="The length of a rolling window.")
    ]
    limit: Annotated[int, Meta(ge=0, description="The most, in its unit.")]
    spent: Annotated[int, Meta(ge=0, description="Rounded up.")]
    remaining: Annotated[int, Meta(ge=0, description="Rounded down.")]
    resets_at: Annotated[
        Time | None, Meta(description="When all of it is free again; null: never.")
    ]


class KeyChanged(EventData, kw_only=True):
    """A key as it is now; never its secret. What is paused or revoked are its descendants, too."""

    id: KeyIdText
    parent_id: KeyIdText | None
    name: str
    purpose: str | None
    scopes: list[str]
    by: Annotated[
        str, Meta(description="The credential that did it, such as key_…; cli: the command line.")
    ]
    expires_at: Time | None
    created_at: Time
    paused_at: Time | None
    revoked_at: Time | None
