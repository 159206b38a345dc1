"""Describe a platform for sends: its limits, its fees, and its suppliers in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from kernel.errors import DomainError

BASIS_POINTS_MAX: Final = 10_000
FEE_CENTS_MAX: Final = 100_000_000
_WHOLE: Final = 10_000


class FeeRule(msgspec.Struct, frozen=True, gc=False):
    """A fee: `fixed_cents` plus a share in `basis_points`, rounded up once. It is at least `min_cents` and at most
    `max_cents`.
    """

    fixed_cents: int = 0
    basis_points: int = 0
    min_cents: int = 0
    max_cents: int | None = None

    def cents(self, amount_cents: int) -> int:
        exact = self.fixed_cents * _WHOLE + amount_cents * self.basis_points
        fee_cents = max(-(-exact // _WHOLE), self.min_cents)
        return fee_cents if self.max_cents is None else min(fee_cents, self.max_cents)


def earned_cents(status: str, fee_cents: int) -> int:
    return fee_cents if status in {"delivered", "reversing"} else 0


MIN_AMOUNT_CENTS = 100
MAX_AMOUNT_CENTS = 100_000
WALLET = "wallet"


class InvalidPlatform(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class Source:
    id: str
    kind: str
    is_paused: bool = False
    delivers_at_once: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "delivers_at_once", self.kind == WALLET and not self.is_paused)


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform with its enabled suppliers. Without suppliers, it isn't offered. `account_fees` replaces `fee` for
    its accounts.
    """

    id: str
    name: str
    min_amount_cents: int = MIN_AMOUNT_CENTS
    max_amount_cents: int = MAX_AMOUNT_CENTS
    suppliers: tuple[Source, ...] = (Source(WALLET, WALLET),)
    fee: FeeRule | None = None
    account_fees: Mapping[str, FeeRule] = field(default_factory=dict, hash=False)

    @property
    def first(self) -> Source:
        return self.suppliers[0]

    def fee_cents(self, account_id: str, amount_cents: int) -> int:
        rule = self.account_fees.get(account_id, self.fee)
        return 0 if rule is None else rule.cents(amount_cents)


BUILT_IN = (
    Platform("claude", "Claude"),
    Platform("chatgpt", "ChatGPT"),
    Platform("gemini", "Gemini"),
)


class Platforms:
    def __init__(self, listed: Sequence[Platform] = ()) -> None:
        self._by_id = {platform.id: platform for platform in listed}

    def find(self, name: str) -> Platform:
        found = self._by_id.get(name) or self._by_id.get(name.strip().lower())
        if found is None:
            offered = [one.id for one in self.offered()]
            raise InvalidPlatform(
                f"`platform` must be one of {', '.join(offered)}."
                if offered
                else "No platform is offered at the moment.",
                param="platform",
                extra={"allowed": offered},
            )
        if not found.suppliers:
            raise InvalidPlatform(
                f"{found.id} isn't offered at the moment because it has no supplier.",
                param="platform",
                reason="no_supplier",
                extra={"allowed": [one.id for one in self.offered()]},
            )
        return found

    def id_of(self, name: str) -> str:
        return name if name in self._by_id else name.strip().lower()

    def ids(self) -> list[str]:
        return list(self._by_id)

    def offered(self) -> list[Platform]:
        return [platform for platform in self._by_id.values() if platform.suppliers]

    def without_supplier(self) -> list[str]:
        return [platform.id for platform in self._by_id.values() if not platform.suppliers]

    def suppliers_of(self, platform: str) -> Sequence[Source]:
        found = self._by_id.get(platform)
        return () if found is None else found.suppliers

    def next_after(self, platform: str, refused_by: Sequence[str]) -> Source | None:
        listed = self.suppliers_of(platform)
        return next((one for one in listed if one.id not in refused_by), None)


_NONE = Platforms()


@dataclass(slots=True)
class PlatformBook:
    by_environment: Mapping[str, Platforms] = field(default_factory=dict)
    version: int = -1

    def of(self, environment: str) -> Platforms:
        return self.by_environment.get(environment, _NONE)
