"""Define the bodies for creating and changing a key, with its scopes, lists and limits."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kernel.errors import InvalidInput
from kernel.fields import Fields, FormLayout, Int64, Time, said, within, word_of
from keys.api_keys.fields import MANDATE_FIELDS, PRESETS, PresetName
from keys.caps import CAP_CENTS_MAX
from keys.mandate import (
    LIST_ENTRIES_MAX,
    PURPOSE_CHARACTERS_MAX,
    WINDOW_SECONDS_MAX,
    WINDOW_SECONDS_MIN,
    WINDOWS_MAX,
    SpendWindow,
    with_numbers,
)
from keys.normalise import NAME_CHARACTERS_MAX
from keys.principal import SCOPE_WORDS, SCOPES

CAPS: Final = ("per_call_cents", "per_day_cents", "per_month_cents")

# These limits are only for the documentation. keys/normalise.py checks the length after normalising the text.
Name = Annotated[
    str,
    Meta(extra_json_schema={"minLength": 1, "maxLength": NAME_CHARACTERS_MAX, "pattern": "[^ ]"}),
    said("Name", hint="The program that uses the key, such as Support agent."),
]
Word = Annotated[str, Meta(max_length=64)]
ScopeChoice = Annotated[
    list[Annotated[Word, word_of(SCOPES)]],
    Meta(
        max_length=100,
        description="At least one of the creating key's own scopes.",
        extra_json_schema={"minItems": 1},
    ),
    said("Scopes", hint="Tick only the scopes that the key needs.", words=SCOPE_WORDS),
]
AllowList = Annotated[
    list[Word],
    Meta(
        max_length=100,
        description="IP addresses or CIDRs that may use the key. If empty, any address.",
    ),
    said(
        "IP addresses that may use it",
        hint="One per line, such as 203.0.113.0/24. Leave blank for any address.",
    ),
]
CapCents = Annotated[
    Int64,
    within(0, CAP_CENTS_MAX),
    Meta(description="A cap in US cents, by UTC day or month. Null means no cap."),
]
PerCallCents = Annotated[CapCents, said("Limit per call", hint="Leave blank for no limit.")]
PerDayCents = Annotated[
    CapCents, said("Daily limit", hint="Resets at 00:00 UTC. Leave blank for no limit.")
]
PerMonthCents = Annotated[
    CapCents,
    said("Monthly limit", hint="Resets on the 1st at 00:00 UTC. Leave blank for no limit."),
]
AboveCents = Annotated[
    Int64,
    within(0, CAP_CENTS_MAX),
    Meta(description="A send above this amount needs a user's approval."),
    said(
        "Approve each send above",
        hint="Any number of smaller sends need none. Leave blank for no approvals.",
    ),
]
AbovePerDayCents = Annotated[
    Int64,
    within(0, CAP_CENTS_MAX),
    Meta(
        description="A send also needs approval if it takes the UTC day's total of unapproved sends above this."
        " The other threshold alone lets any number of smaller sends pass."
    ),
    said(
        "Approve a day's sends above",
        hint="A send that takes the UTC day's total above this needs approval. Leave blank for no approvals.",
    ),
]
OldAboveCents = Annotated[
    Int64,
    within(0, CAP_CENTS_MAX),
    Meta(description="The old name of approval_above_cents."),
    said(is_former=True),
]


_Cents = Annotated[int, Meta(ge=0, le=CAP_CENTS_MAX)]
Purpose = Annotated[
    str,
    Meta(max_length=PURPOSE_CHARACTERS_MAX, description="The key's purpose, in your words."),
    said("Purpose"),
]
LifetimeCents = Annotated[
    _Cents,
    Meta(description="The most that the key may ever spend. Earlier spending counts."),
    said("Lifetime limit", hint="Earlier spending counts. Leave blank for no limit."),
]
Platforms = Annotated[
    list[Word],
    Meta(
        min_length=1,
        max_length=LIST_ENTRIES_MAX,
        description="The only platforms for which the key may send. Null means any.",
    ),
    said("Platforms", hint="Tick none to allow any platform."),
]
Recipients = Annotated[
    list[Annotated[str, Meta(max_length=320)]],
    Meta(
        min_length=1,
        max_length=LIST_ENTRIES_MAX,
        description="The only recipients: addresses, or *@domain for a domain without its subdomains. Null means"
        " anybody.",
    ),
    said(
        "Recipients",
        hint="One per line: an address, or *@acme.example for a whole domain. Leave blank for anybody.",
    ),
]
ExpiresAt = Annotated[
    Time,
    Meta(description="When the key expires. Null means never."),
    said(
        "Expires on, UTC",
        hint="Access lasts until the end of that day. Leave blank for no end date.",
        unit="day_end",
    ),
]


class WindowBody(Fields, frozen=True, kw_only=True):
    """A spending limit for a rolling window of the given number of seconds."""

    seconds: Annotated[
        int, Meta(ge=WINDOW_SECONDS_MIN, le=WINDOW_SECONDS_MAX), said("Length", unit="s")
    ]
    cents: Annotated[
        _Cents,
        Meta(description="The most that may be spent in any window of that length, in US cents."),
        said("At most", unit="cents"),
    ]


Windows = Annotated[
    list[WindowBody],
    Meta(
        max_length=WINDOWS_MAX,
        description="Limits for rolling windows. All of them apply, each from when it is set.",
    ),
    said(
        "Rolling windows",
        hint=("A limit for any period of that length, such as 1h or 7d. Leave blank for no limit."),
    ),
]


class Caps(Fields, frozen=True, kw_only=True):
    """Spend caps in cents."""

    per_call_cents: PerCallCents | UnsetType | None = UNSET
    per_day_cents: PerDayCents | UnsetType | None = UNSET
    per_month_cents: PerMonthCents | UnsetType | None = UNSET


class _Lists(Caps, frozen=True, kw_only=True):
    purpose: Purpose | UnsetType | None = UNSET
    lifetime_cents: LifetimeCents | UnsetType | None = UNSET
    platforms: Platforms | UnsetType | None = UNSET
    recipients: Recipients | UnsetType | None = UNSET
    windows: Windows | UnsetType | None = UNSET


if TYPE_CHECKING:
    _Numbers = _Lists
else:
    _Numbers = with_numbers(_Lists, lambda kind: kind | UnsetType, default=UNSET)


class Limits(_Numbers, frozen=True, kw_only=True):
    """The caps, the mandate, and the amounts above which a user must approve.

    Amounts are in cents. null means no limit.
    """

    layout: ClassVar[FormLayout | None] = FormLayout(
        "This key",
        {
            "Name and scopes": "name purpose scopes",
            "Spending": "per_day_cents per_month_cents per_call_cents lifetime_cents windows max_sends_per_hour",
            "Recipients": "platforms recipients per_recipient_per_day_cents max_recipients_per_week"
            " repeat_guard_s",
            "Safety": "",
        },
        {
            "scopes": "Has the scopes %(value)s.",
            "per_day_cents": "Sends at most %(value)s a day.",
            "per_month_cents": "Sends at most %(value)s a month.",
            "per_call_cents": "Sends at most %(value)s a call.",
            "lifetime_cents": "Sends at most %(value)s in its life.",
            "windows": "Sends at most %(cents)s in any %(seconds)s.",
            "max_sends_per_hour": "Sends at most %(value)s times in any hour.",
            "platforms": "Sends credit only for %(value)s.",
            "recipients": "Sends only to %(value)s.",
            "per_recipient_per_day_cents": "Sends at most %(value)s to one recipient a day.",
            "max_recipients_per_week": "Sends to at most %(value)s recipients in any seven-day period.",
            "repeat_guard_s": "Refuses the same send again within %(value)s.",
            "approval_above_cents": "Needs approval for each send above %(value)s.",
            "approval_above_per_day_cents": "Needs approval once a day's sends pass %(value)s.",
            "ip_allow_list": "Works only from %(value)s.",
            "expires_at": "Works until the end of %(value)s, UTC.",
        },
        {
            "per_day_cents per_month_cents per_call_cents lifetime_cents windows": "Has no spending limit.",
            "recipients": "Isn't limited to certain recipients.",
            "approval_above_cents approval_above_per_day_cents": "Needs no approval for a send.",
            "expires_at": "Never expires.",
        },
    )
    approval_above_cents: AboveCents | UnsetType | None = UNSET
    approval_above_per_day_cents: AbovePerDayCents | UnsetType | None = UNSET
    approval_threshold_cents: OldAboveCents | UnsetType | None = UNSET


class NewKey(Limits, frozen=True, kw_only=True):
    """A new key. Its caps are in the body itself or in `caps`."""

    name: Name = "API key"
    preset: (
        Annotated[
            PresetName,
            Meta(
                description="Limits and scopes for one kind of holder. What the body says wins. "
                + " ".join(f"{name}: {PRESETS[name].says}" for name in PRESETS)
                + " agent asks for per_day_cents and approval_above_per_day_cents."
            ),
            said(
                "Preset",
                hint="The preset fills in the form. You can change every field.",
                words={name: one.says for name, one in PRESETS.items()},
            ),
        ]
        | None
    ) = None
    scopes: ScopeChoice | None = None
    ip_allow_list: AllowList = msgspec.field(default_factory=list)
    caps: Caps | None = None
    expires_at: ExpiresAt | None = None


class KeyChanges(Limits, frozen=True, kw_only=True):
    """Changes to a key. A field that is omitted stays unchanged. null removes a limit."""

    name: Name | UnsetType = UNSET
    scopes: ScopeChoice | UnsetType = UNSET
    ip_allow_list: AllowList | UnsetType = UNSET
    caps: Caps | UnsetType = UNSET
    expires_at: ExpiresAt | UnsetType | None = UNSET


def limits_of(body: Limits, inside: Caps | UnsetType) -> dict[str, Any]:
    """Return the limits by their names in fields.LIMITS. Raise InvalidInput if two of them conflict."""
    found = {name: getattr(body, name) for name in ("purpose", "lifetime_cents", *MANDATE_FIELDS)}
    windows = body.windows
    if windows is not UNSET and windows is not None:
        found["windows"] = [SpendWindow(one.seconds, one.cents) for one in windows]
    found |= {**caps_of(body, inside), **thresholds_of(body)}
    return {name: value for name, value in found.items() if value is not UNSET}


def caps_of(body: Caps, inside: Caps | UnsetType) -> Mapping[str, int | UnsetType | None]:
    found: dict[str, int | UnsetType | None] = {}
    for name in CAPS:
        here = getattr(body, name)
        there = UNSET if inside is UNSET else getattr(inside, name)
        if here is not UNSET and there is not UNSET and here != there:
            raise InvalidInput(
                f"{name} is given here and in `caps` with different values.", param=name
            )
        found[name] = there if here is UNSET else here
    return found


def thresholds_of(body: Limits) -> Mapping[str, int | UnsetType | None]:
    above, old = body.approval_above_cents, body.approval_threshold_cents
    if above is not UNSET and old is not UNSET and above != old:
        raise InvalidInput(
            "`approval_above_cents` and `approval_threshold_cents`, its old name, have different values.",
            param="approval_above_cents",
        )
    return {
        "approval_threshold_cents": old if above is UNSET else above,
        "approval_above_per_day_cents": body.approval_above_per_day_cents,
    }
