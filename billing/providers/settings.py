"""The settings of every payment provider, and how a provider's module adds its own.

A wrong value is refused without repeating it. An empty secret counts as none: nothing is ever verified with
it.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic.config import JsonDict

from billing.ledger.price import check_currency, parse_decimal
from kernel.errors import InvalidInput

RATE_PLACES = 6
OPTIONAL: Final[JsonDict] = {"optional": True}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Charge:
    """The currency that a provider charges in; rate: how much of it one US dollar costs. An empty currency is
    the order's own. Without a rate for another one nothing can be charged.
    """

    currency: str = ""
    rate: Fraction | None = None


@dataclass(frozen=True, slots=True)
class ProductField:
    """How operators set a plan's price or product at a provider. name: unique among providers; with dashes
    the option's.
    """

    name: str
    label: str
    text: str
    placeholder: str = ""
    hint: str = ""


class ProviderSettings(BaseModel, ABC):
    """A field is TOPUP_<PROVIDER>_<FIELD> in capitals.

    Each has a staging twin, TOPUP_<PROVIDER>_STAGING_<FIELD>. Defaults are text or a number and leave the
    provider without credentials; descriptions end with a full stop. Secrets are SecretStr; a rotated one is
    `new,old`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_base: str = Field(default="", description="The provider's API; empty: its own address.")
    currency: str = Field(
        default="", description="What it charges; empty: the order's own currency."
    )
    price_per_usd: str = Field(
        default="", description="How much of that currency one US dollar costs, such as 7.30."
    )

    @field_validator("api_base")
    @classmethod
    def _check_base(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s?#@]+", value):
            raise ValueError("is http(s)://host[:port] with or without a path")
        return value.rstrip("/")

    @field_validator("currency")
    @classmethod
    def _check_currency(cls, value: str) -> str:
        return value and stated(check_currency, value)

    @field_validator("price_per_usd")
    @classmethod
    def _check_rate(cls, value: str) -> str:
        if value and stated(_rate, value) == 0:
            raise ValueError("is above 0")
        return value

    @property
    @abstractmethod
    def is_complete(self) -> bool: ...

    @property
    @abstractmethod
    def webhook_secrets(self) -> tuple[str, ...]:
        """Return what notifications are verified with, newest first; none is ever empty."""

    @property
    def ways(self) -> tuple[str, ...]:
        """Return the provider's own payment methods, the default first; empty if it has one only."""
        return ()

    @property
    def charge(self) -> Charge:
        if self.price_per_usd:
            return Charge(self.currency, _rate(self.price_per_usd))
        return Charge(self.currency, Fraction(1) if self.currency == "USD" else None)

    @classmethod
    @abstractmethod
    def for_sandbox(cls, secret: str) -> Self:
        """Return settings that only read and simulate notifications, under a generated secret."""


def stated(parse: Callable[..., T], *given: str) -> T:
    """Return what parse makes of a setting; raise its refusal in the form of a setting's."""
    try:
        return parse(*given)
    except InvalidInput as error:
        raise ValueError(error.detail) from None


def _rate(text: str) -> Fraction:
    units = parse_decimal(text, places=RATE_PLACES, param="price_per_usd")
    return Fraction(units, 10**RATE_PLACES)


def rotated(secret: SecretStr) -> tuple[str, ...]:
    return tuple(part for word in secret.get_secret_value().split(",") if (part := word.strip()))
