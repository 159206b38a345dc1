"""Customers: a provider keeps one object for an account, on which payments, tax and history hang."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from billing.providers.protocol import ProviderRefused


class CustomerGone(ProviderRefused):
    """The customer that was named is not there: deleted, or another account's of the provider."""


@dataclass(frozen=True, slots=True)
class CustomerRequest:
    """Whose customer is made. key: the same for each try, so that two tries make one."""

    key: str
    account_id: str
    environment: str
    email: str | None = None


@runtime_checkable
class Customers(Protocol):
    """A provider that makes them; its `open` raises CustomerGone for one that is not there."""

    async def make_customer(self, request: CustomerRequest) -> str:
        """The provider's id of it; raises ProviderUnavailable and ProviderRefused."""
        ...


@runtime_checkable
class CustomerErasure(Protocol):
    """A provider that deletes a customer when it is asked to."""

    async def erase_customer(self, customer_ref: str) -> None:
        """The customer is deleted with its saved means of payment; also where it was before.

        Raises ProviderUnavailable, and ProviderRefused: there is no such customer with these keys.
        """
        ...
