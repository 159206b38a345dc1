"""Customers: a provider's one object for an account, to which payments, tax and history belong."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from billing.providers.protocol import ProviderRefused


class CustomerGone(ProviderRefused):
    """The named customer doesn't exist: deleted, or of another account at the provider."""


@dataclass(frozen=True, slots=True)
class CustomerRequest:
    """The account whose customer is made. key: the same for each try, so that two tries make one."""

    key: str
    account_id: str
    environment: str
    email: str | None = None


@runtime_checkable
class Customers(Protocol):
    """A provider that makes customers; its `open` raises CustomerGone for one that doesn't exist."""

    async def make_customer(self, request: CustomerRequest) -> str:
        """Return the provider's id of it; raise ProviderUnavailable and ProviderRefused."""
        ...


@runtime_checkable
class CustomerErasure(Protocol):
    """A provider that can delete a customer."""

    async def erase_customer(self, customer_ref: str) -> None:
        """Delete the customer with its saved payment methods; succeeds also if it was deleted before.

        Raises ProviderUnavailable, and ProviderRefused: there is no such customer with these keys.
        """
        ...
