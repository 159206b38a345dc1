"""Customers: a provider's one object for an account, with its payments, tax and history."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from billing.providers.protocol import ProviderRefused


class CustomerGone(ProviderRefused):
    """The customer doesn't exist: deleted, or of another account at the provider."""


@dataclass(frozen=True, slots=True)
class CustomerRequest:
    """key: the same for each try, so that two tries make one customer."""

    key: str
    account_id: str
    environment: str
    email: str | None = None


@runtime_checkable
class Customers(Protocol):
    """A provider that makes customers; its `open` raises CustomerGone for one that doesn't exist."""

    async def make_customer(self, request: CustomerRequest) -> str: ...


@runtime_checkable
class CustomerErasure(Protocol):
    async def erase_customer(self, customer_ref: str) -> None:
        """Delete the customer with its saved payment methods; succeeds also if already deleted. Raises
        ProviderUnavailable, and ProviderRefused if these keys have no such customer.
        """
        ...
