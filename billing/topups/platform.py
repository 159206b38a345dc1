"""Platforms that credit can be sent to: the built-in three and what the operator configures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kernel.errors import DomainError

MIN_AMOUNT_CENTS = 100
MAX_AMOUNT_CENTS = 100_000


class InvalidPlatform(DomainError):
    """No platform of that name is offered."""


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform: its limits in cents and the fulfilment that tops it up."""

    id: str
    name: str
    min_amount_cents: int = MIN_AMOUNT_CENTS
    max_amount_cents: int = MAX_AMOUNT_CENTS
    fulfilment: str = "voucher"
    options: Mapping[str, Any] = field(default_factory=dict)  # the fulfilment's own settings


BUILT_IN = (
    Platform("claude", "Claude"),
    Platform("chatgpt", "ChatGPT"),
    Platform("gemini", "Gemini"),
)


class Platforms:
    """The offered platforms, in order; names are matched case-insensitively."""

    def __init__(self, configured: Sequence[Platform] = ()) -> None:
        by_id = {platform.id: platform for platform in BUILT_IN}
        by_id.update({platform.id: platform for platform in configured})
        self._by_id = by_id

    def find(self, name: str) -> Platform:
        """Raises InvalidPlatform, which names the offered ones."""
        found = self._by_id.get(name) or self._by_id.get(name.strip().lower())
        if found is None:
            offered = ", ".join(self._by_id)
            raise InvalidPlatform(f"platform is one of {offered}", param="platform")
        return found

    def all(self) -> list[Platform]:
        return list(self._by_id.values())
