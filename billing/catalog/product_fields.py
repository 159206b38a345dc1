"""Name the plan fields that contain each provider's price ID or product ID."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from billing.providers.protocol import Interval, ProductField, Registration
from kernel.errors import InvalidInput

ProductKey = tuple[str, Interval]  # provider, interval


@dataclass(frozen=True, slots=True)
class ProductFields:
    by_key: Mapping[ProductKey, ProductField]

    @classmethod
    def of(cls, registrations: Iterable[Registration]) -> Self:
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
        return {field.name: products.get(key) for key, field in self.by_key.items()}

    def given(self, values: Mapping[str, Any]) -> dict[ProductKey, str | None]:
        return {
            key: values[field.name] or None
            for key, field in self.by_key.items()
            if field.name in values
        }

    def checked(self, values: Mapping[str, str | None]) -> dict[ProductKey, str | None]:
        known = [field.name for field in self.by_key.values()]
        unknown = next((name for name in values if name not in known), None)
        if unknown is not None:
            words = f"{unknown} is not one of {', '.join(known) or 'none'}"
            raise InvalidInput(words, param="products")
        return self.given(values)

    def name_of(self, key: ProductKey) -> str:
        field = self.by_key.get(key)
        return f"{key[0]}_product_id" if field is None else field.name
