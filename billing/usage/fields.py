"""Define fields that usage and holds share: a model's tokens, descriptions, and the balance afterwards."""

from typing import Annotated, Any

from msgspec import Meta

from billing.ledger.money import MICROS_PER_CREDIT, micros_to_cents
from billing.usage.price_acts import Model
from billing.usage.price_list import TOKENS_MAX, Tokens
from kernel.errors import InvalidInput
from kernel.fields import LINE, Fields
from kernel.limits import NOTE_CHARACTERS_MAX

UsageDescription = Annotated[str, Meta(min_length=1, max_length=NOTE_CHARACTERS_MAX, pattern=LINE)]
TokenCount = Annotated[int, Meta(ge=0, le=TOKENS_MAX)]
FlooredCredits = Annotated[int, Meta(description="The amount in credits of $0.001, rounded down.")]
BalanceMicros = Annotated[int, Meta(description="The new balance, in millionths of a US dollar.")]
BalanceCredits = Annotated[int, Meta(description="The balance in credits of $0.001, rounded down.")]
BalanceCents = Annotated[int, Meta(description="The same balance in US cents, rounded down.")]
CallerReference = Annotated[str, Meta(description="The caller's reference, unique by environment.")]


class TokenFields(Fields, frozen=True, kw_only=True):
    """How many tokens of a model were used."""

    model: Model | None = None
    input_tokens: TokenCount | None = None
    output_tokens: TokenCount | None = None
    cached_tokens: Annotated[TokenCount | None, Meta(description="Cached input tokens.")] = None

    def tokens(self) -> Tokens | None:
        given = (self.input_tokens, self.output_tokens, self.cached_tokens)
        if given == (None, None, None):
            return None
        for param in ("input_tokens", "output_tokens"):
            if getattr(self, param) is None:
                raise InvalidInput(f"{param} is required if you give any token count.", param=param)
        assert self.input_tokens is not None
        assert self.output_tokens is not None
        cached = self.cached_tokens or 0
        if cached > self.input_tokens:
            raise InvalidInput(
                "Cached tokens can't be more than `input_tokens`.",
                param="cached_tokens",
            )
        if self.input_tokens + self.output_tokens == 0:
            raise InvalidInput("At least one token count must be above 0.", param="input_tokens")
        return Tokens(self.input_tokens, self.output_tokens, cached)


def balance_fields(micros: int) -> dict[str, Any]:
    return {
        "balance_micros": micros,
        "balance_credits": micros // MICROS_PER_CREDIT,
        "balance_cents": micros_to_cents(micros),
    }
