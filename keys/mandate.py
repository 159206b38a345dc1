"""Define a key's mandate: all its limits except its scopes and its caps per call, day and month.

The limits of all its ancestors apply, too.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from kernel.errors import DomainError
from kernel.fields import FieldFacts, facts_of, said
from keys.caps import CAP_CENTS_MAX

LIST_ENTRIES_MAX: Final = 100
WINDOWS_MAX: Final = 8
WINDOW_SECONDS_MIN: Final = 60
WINDOW_SECONDS_MAX: Final = 366 * 86_400
SENDS_MAX: Final = 1_000_000
RECIPIENTS_MAX: Final = 1000
REPEAT_GUARD_S_MAX: Final = 7 * 86_400
PURPOSE_CHARACTERS_MAX: Final = 200
ANY_OF_DOMAIN: Final = "*@"
ShownCap = Literal[
    "per_day",
    "per_month",
    "lifetime",
    "window",
    "sends_per_hour",
    "recipients_per_week",
    "account_per_day",
]
CapUnit = Literal["cents", "sends", "recipients"]


class SpendWindow(msgspec.Struct, frozen=True, order=True):
    seconds: int
    cents: int


class Mandate(msgspec.Struct, frozen=True, omit_defaults=True):
    """The limits of a mandate. A limit that is None or an empty tuple doesn't apply.

    `*@domain` allows a whole domain. A limit that doesn't count cents is named max_UNIT_per_PERIOD.
    """

    platforms: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    windows: tuple[SpendWindow, ...] = ()
    per_recipient_per_day_cents: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=CAP_CENTS_MAX,
                description="The most that one recipient may be sent on a UTC day. Addresses that differ only"
                " after a plus are the same recipient.",
            ),
            said("To one recipient a day", hint="Resets at 00:00 UTC. Leave blank for no limit."),
        ]
        | None
    ) = None
    max_sends_per_hour: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=SENDS_MAX,
                description="The number of accepted sends in any hour. Cancelled sends count.",
            ),
            said("Sends in any one-hour period", hint="Leave blank for no limit."),
        ]
        | None
    ) = None
    max_recipients_per_week: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=RECIPIENTS_MAX,
                description="The number of different recipients in any seven days, each counted once. Addresses"
                " that differ only after a plus are the same recipient.",
            ),
            said(
                "Recipients in any seven-day period",
                hint="Counts different people. Leave blank for no limit.",
            ),
        ]
        | None
    ) = None
    repeat_guard_s: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=REPEAT_GUARD_S_MAX,
                description="For this many seconds, a send with the same recipient, platform and amount is"
                " refused with 2006, unless the send says distinct.",
            ),
            said(
                "Block duplicate sends for",
                hint="A time such as 10m, for the same recipient, platform and amount. Leave blank to block none.",
                unit="s",
            ),
        ]
        | None
    ) = None

    def allows_recipient(self, email: str) -> bool:
        if not self.recipients:
            return True
        domain = email.rpartition("@")[2]
        return email in self.recipients or f"{ANY_OF_DOMAIN}{domain}" in self.recipients


NO_MANDATE: Final = Mandate()
NUMBERS: Final[tuple[FieldFacts, ...]] = tuple(
    fact for fact in facts_of(Mandate) if fact.kind == "integer"
)

COUNTS: Final[Mapping[str, FieldFacts]] = {
    fact.name.removeprefix("max_"): fact for fact in NUMBERS if fact.name.startswith("max_")
}


class OutsideMandate(DomainError):
    pass


class KeyPaused(DomainError):
    """The key or an ancestor is paused, so the key can only read."""


def paused() -> KeyPaused:
    return KeyPaused(
        "The key or one of its parents is paused. A user, or an unrelated key with "
        "approvals:write or keys:write, can resume it.",
        reason="paused",
    )


def label_of(cap: str) -> str:
    return COUNTS[cap].label if cap in COUNTS else ""


def unit_of(cap: str) -> CapUnit:
    counted = cap.partition("_per_")[0]
    return next((unit for unit in get_args(CapUnit) if unit == counted), "cents")


@lru_cache(maxsize=1024)
def read_mandate(text: str | None) -> Mandate:
    return NO_MANDATE if text is None else msgspec.json.decode(text, type=Mandate)


def with_numbers(
    base: type[msgspec.Struct], typed: Callable[[Any], Any], **defaults: Any
) -> type[msgspec.Struct]:
    fields = [
        (one.name, typed(one.type), *defaults.values())
        for one in msgspec.structs.fields(Mandate)
        if one.name in {fact.name for fact in NUMBERS}
    ]
    config = base.__struct_config__
    return msgspec.defstruct(
        f"{base.__name__}Numbers",
        fields,
        bases=(base,),
        module=base.__module__,
        kw_only=True,
        frozen=config.frozen,
        forbid_unknown_fields=config.forbid_unknown_fields,
        omit_defaults=config.omit_defaults,
    )


def numbers_of(mandate: Mandate) -> dict[str, Any]:
    return {fact.name: getattr(mandate, fact.name) for fact in NUMBERS}


def mandate_text(mandate: Mandate) -> str | None:
    return None if mandate == NO_MANDATE else msgspec.json.encode(mandate).decode()
