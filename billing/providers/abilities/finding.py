"""Which of the abilities a provider has: it keeps the protocol itself, or one of its parts does."""

from typing import Protocol, TypeVar, runtime_checkable

from billing.providers.protocol import Provider

A = TypeVar("A")


@runtime_checkable
class Able(Protocol):
    """A provider made of parts, each of which keeps one protocol of this folder."""

    @property
    def abilities(self) -> tuple[object, ...]: ...


def ability(provider: Provider, kind: type[A]) -> A | None:
    """What does it, or null where the provider cannot; kind is a protocol of this folder."""
    parts = provider.abilities if isinstance(provider, Able) else ()
    return next((one for one in (provider, *parts) if isinstance(one, kind)), None)
