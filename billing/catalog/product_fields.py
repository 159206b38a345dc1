"""What operators call a plan's own price or product at each provider that has such: the names of the
catalogue's fields, in forms, options and refusals.

Each provider's file names its own (Registration.products), so another provider is no change here.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from billing.providers.protocol import Interval, Registration
from billing.providers.settings import ProductField
from kernel.errors import InvalidInput

ProductKey = tuple[str, Interval]  # provider, interval


@dataclass(frozen=True, slots=True)
class ProductFields:
    """By provider and interval, in the order in which they are shown."""

    by_key: Mapping[ProductKey, ProductField]

    @classmethod
    def of(cls, registrations: Iterable[Registration]) -> Self:
        """Those that the providers name; first of the providers that sell plans without one too."""
        ordered = sorted(registrations, key=lambda one: (one.needs_product, one.name))
        return cls(
            {
                (registration.name, interval): field
                for registration in ordered
                for interval, field in registration.products.items()
            }
        )

    def by_provider(self) -> list[list[ProductField]]:
        grouped = itertools.groupby(self.by_key.items(), key=lambda item: item[0][0])
        return [[field for _, field in items] for _, items in grouped]

    def shown(self, products: Mapping[ProductKey, str]) -> dict[str, str | None]:
        """A plan's products by the fields' names, null where it has none."""
        return {field.name: products.get(key) for key, field in self.by_key.items()}

    def given(self, values: Mapping[str, Any]) -> dict[ProductKey, str | None]:
        """The products among values by the fields' names; a blank one is none."""
        return {
            key: values[field.name] or None
            for key, field in self.by_key.items()
            if field.name in values
        }

    def checked(self, values: Mapping[str, str | None]) -> dict[ProductKey, str | None]:
        """Return what `given` does; raise InvalidInput for a name that no provider has."""
        known = [field.name for field in self.by_key.values()]
        unknown = next((name for name in values if name not in known), None)
        if unknown is not None:
            words = f"{unknown} is not one of {', '.join(known) or 'none'}"
            raise InvalidInput(words, param="products")
        return self.given(values)

    def name_of(self, key: ProductKey) -> str:
        """The field's name; of a provider that is gone, what its first field would be called."""
        field = self.by_key.get(key)
        return f"{key[0]}_product_id" if field is None else field.name
