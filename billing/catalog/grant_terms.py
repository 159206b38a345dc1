"""Define when a plan's credit is granted and expires, and which entitlements its subscribers have.

By default, all credit is granted at once and never expires. A subscription keeps the terms that it started with.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from kernel.errors import InvalidInput
from kernel.shaped import shown
from store.row_mapping import Conversion

EntitlementPeriod = Literal["day", "month", "period"]
NEVER: Final = "never"
PERIOD_END: Final = "period_end"
DAYS_MAX: Final = 3_650
ROLLOVER_CREDITS_MAX: Final = 100_000_000
ENTITLEMENTS_MAX: Final = 50
LIMIT_MAX: Final = 1_000_000_000_000
_DAYS = re.compile(r"([1-9][0-9]{0,3})d")
_LIMIT = re.compile(r"([0-9]{1,13})/(day|month|period)")
_YES_OR_NO: Final = {"yes": True, "no": False}
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class UseLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of uses that a plan allows in each period."""

    limit: Annotated[int, Meta(description="The number of uses that are allowed in each period.")]
    period: Annotated[
        EntitlementPeriod, Meta(description="The period: a UTC day, a UTC month or a paid period.")
    ] = "month"


Entitlement = bool | UseLimit


class GrantTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a plan's credit is granted and expires, and what its subscribers may do.

    `on_repurchase` says what happens to unused credit when the plan is paid for again. `stack` keeps its expiry,
    `extend` gives it the expiry of the new credit, and `reset` expires it at once.
    """

    credit_expires: str = NEVER
    rollover_max_credits: int | None = None
    grants: Literal["at_once", "monthly"] = "at_once"
    entitlements: Mapping[str, Entitlement] = {}
    on_repurchase: Literal["extend", "reset", "stack"] = "stack"
    when_used_up: Literal["wallet", "stop"] = "wallet"

    def changed(self, changes: Mapping[str, Any]) -> "GrantTerms":
        values = {**msgspec.to_builtins(self), **msgspec.to_builtins(changes)}
        try:
            return msgspec.convert(values, GrantTerms)
        except msgspec.ValidationError as error:
            raise InvalidInput(str(error), param=next(iter(changes), None)) from error

    def shape(self) -> dict[str, Any]:
        listed = {name: msgspec.to_builtins(one) for name, one in self.entitlements.items()}
        return {**shown(self), "entitlements": listed}


DEFAULT_TERMS: Final = GrantTerms()


def entitlements_of(lines: Iterable[str]) -> dict[str, Any]:
    """Parse lines such as `name=yes`, `name=no` or `name=100/month`. Raise InvalidInput for any other line."""
    found: dict[str, Any] = {}
    for line in filter(None, map(str.strip, lines)):
        name, _, value = (part.strip() for part in line.partition("="))
        limit = _LIMIT.fullmatch(value)
        if value not in _YES_OR_NO and limit is None:
            raise InvalidInput(
                "Use name=yes, name=no, or a limit such as name=100/month. A limit is per day, month or period.",
                param="entitlements",
            )
        if name in found:
            raise InvalidInput(f"Entitlement {name} appears twice.", param="entitlements")
        found[name] = {"limit": int(limit[1]), "period": limit[2]} if limit else _YES_OR_NO[value]
    return found


def entitlement_lines(entitlements: Mapping[str, Entitlement]) -> list[str]:
    return [
        f"{name}={one.limit}/{one.period}"
        if isinstance(one, UseLimit)
        else f"{name}={'yes' if one else 'no'}"
        for name, one in sorted(entitlements.items())
    ]


def days_of(credit_expires: str) -> int | None:
    found = _DAYS.fullmatch(credit_expires)
    return None if found is None else int(found[1])


def check_terms(terms: GrantTerms) -> GrantTerms:
    days = days_of(terms.credit_expires)
    if terms.credit_expires not in {NEVER, PERIOD_END} and (days is None or days > DAYS_MAX):
        raise InvalidInput(
            f"`credit_expires` must be never, period_end, or a time from 1d to {DAYS_MAX}d.",
            param="credit_expires",
        )
    most = terms.rollover_max_credits
    if most is not None and not 1 <= most <= ROLLOVER_CREDITS_MAX:
        raise InvalidInput(
            f"The rollover must be from 1 to {ROLLOVER_CREDITS_MAX} credits.",
            param="rollover_max_credits",
        )
    if most is not None and terms.credit_expires != PERIOD_END:
        raise InvalidInput(
            "To allow a rollover, set `credit_expires` to period_end.",
            param="rollover_max_credits",
        )
    if terms.credit_expires == NEVER:
        _check_never(terms)
    _check_entitlements(terms.entitlements)
    return terms


def _check_never(terms: GrantTerms) -> None:
    """Raise InvalidInput for options that need an expiry, because the plan's credit never expires."""
    for name, usual in (("on_repurchase", "stack"), ("when_used_up", "wallet")):
        if getattr(terms, name) != usual:
            raise InvalidInput(f"{name} must be {usual} if credit never expires.", param=name)


def _check_entitlements(entitlements: Mapping[str, Entitlement]) -> None:
    if len(entitlements) > ENTITLEMENTS_MAX:
        raise InvalidInput(f"Give at most {ENTITLEMENTS_MAX} entitlements.", param="entitlements")
    for name, one in entitlements.items():
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                "A name can have up to 64 characters: a-z, 0-9, _, . and -.",
                param=f"entitlements.{name[:64]}",
            )
        if isinstance(one, UseLimit) and not 0 <= one.limit <= LIMIT_MAX:
            raise InvalidInput(
                f"The limit must be from 0 to {LIMIT_MAX}.", param=f"entitlements.{name}"
            )


_decode = msgspec.json.Decoder(GrantTerms).decode
_encode = msgspec.json.Encoder(order="deterministic").encode
AS_TERMS: Final = Conversion(
    lambda text: DEFAULT_TERMS if text is None else _decode(text),
    lambda terms: None if terms == DEFAULT_TERMS else _encode(terms).decode(),
)
