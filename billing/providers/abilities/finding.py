"""Find a provider's ability: the provider or one of its parts implements the protocol."""

from typing import Protocol, TypeVar, runtime_checkable

from billing.providers.protocol import Provider

A = TypeVar("A")


@runtime_checkable
class Able(Protocol):
    @property
    def abilities(self) -> tuple[object, ...]: ...


def ability(provider: Provider, kind: type[A]) -> A | None:
    """Return what implements it, or null; kind is a protocol of this folder."""
    parts = provider.abilities if isinstance(provider, Able) else ()
    return next((one for one in (provider, *parts) if isinstance(one, kind)), None)
