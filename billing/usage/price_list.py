"""Price a model's tokens, in whole micros per 1,000,000 tokens of each kind.

A charge is rounded up once, to a whole micro. A model without a price is refused, not free.
"""

import bisect
import difflib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from kernel.errors import InvalidInput

PER_TOKENS: Final = 1_000_000
# With this limit, even a year's total fits into 64 bits.
TOKENS_MAX: Final = 10**10
PRICE_MICROS_MAX: Final = 10**12
MODEL_CHARACTERS_MAX: Final = 128
WILDCARD: Final = "*"
_ALIKE: Final = 0.6
COMPARED_MAX: Final = 40


class UnknownModel(InvalidInput):
    pass


class Tokens(msgspec.Struct, frozen=True, gc=False):
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.input_tokens, self.output_tokens, self.cached_tokens


class ModelPrice(msgspec.Struct, frozen=True, gc=False):
    """A model's price, in micros per 1,000,000 tokens. The amounts are all None if the price was withdrawn."""

    environment: str
    model: str
    version: int
    input_micros: int | None
    output_micros: int | None
    cached_micros: int | None
    changed_by: str
    changed_at: int

    @property
    def is_withdrawn(self) -> bool:
        return self.input_micros is None

    def charge_micros(self, used: Tokens) -> int:
        assert self.input_micros is not None
        assert self.output_micros is not None
        assert self.cached_micros is not None
        assert 0 <= used.cached_tokens <= used.input_tokens, "cached tokens are input tokens"
        total = (
            (used.input_tokens - used.cached_tokens) * self.input_micros
            + used.cached_tokens * self.cached_micros
            + used.output_tokens * self.output_micros
        )
        return -(-total // PER_TOKENS)


class PriceList:
    def __init__(self, version: int = 0, prices: Iterable[ModelPrice] = ()) -> None:
        self.version = version
        self.prices: Sequence[ModelPrice] = sorted(
            (one for one in prices if not one.is_withdrawn), key=lambda one: one.model
        )
        self._exact: Mapping[str, ModelPrice] = {one.model: one for one in self.prices}
        self._names = [one.model for one in self.prices]
        self._openings = sorted(
            (one for one in self.prices if one.model.endswith(WILDCARD)),
            key=lambda one: -len(one.model),
        )

    def find(self, model: str) -> ModelPrice | None:
        found = self._exact.get(model)
        if found is not None and not model.endswith(WILDCARD):
            return found
        for opening in self._openings:
            if model.startswith(opening.model[:-1]):
                return opening
        return None

    def price_of(self, model: str, *, is_told: bool = True) -> ModelPrice:
        found = self.find(model)
        if found is not None:
            return found
        similar = self._similar(model) if is_told else None
        told = {} if similar is None else {"did_you_mean": similar}
        detail = "the price list has no price for this model"
        raise UnknownModel(
            detail if is_told else f"{detail}; a similar name is told once in a batch",
            param="model",
            reason="unknown_model",
            extra=told,
            errors=[{"param": "model", "detail": "has no price", **told}],
        )

    def compared_with(self, model: str) -> Sequence[str]:
        half, quarter = COMPARED_MAX // 2, COMPARED_MAX // 4
        place = bisect.bisect(self._names, model)
        beside = self._names[max(0, place - quarter) : place + quarter]
        first = model[:1].lower()
        as_long = heapq.nsmallest(
            half,
            (name for name in self._names if name[:1].lower() == first),
            key=lambda name: abs(len(name) - len(model)),
        )
        return list(dict.fromkeys([*beside, *as_long]))

    def _similar(self, model: str) -> str | None:
        alike = difflib.get_close_matches(model, self.compared_with(model), n=1, cutoff=_ALIKE)
        return alike[0] if alike else None
