"""What every command is decided by: the rules that the operator set, the same for all of them."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Rules:
    """code_of gives the voucher code of a top-up's id, claim_token_of the token of its claim link;
    stored answers leave both out.

    packages: what the operator decided that only one package's commands ask for, each of a type of
    its own.
    """

    __slots__ = ("_packages", "claim_token_of", "code_of", "is_promo_sendable")

    def __init__(
        self,
        *packages: object,
        code_of: Callable[[str], str],
        claim_token_of: Callable[[str], str],
        is_promo_sendable: bool = False,
    ) -> None:
        self.code_of = code_of
        self.claim_token_of = claim_token_of
        self.is_promo_sendable = is_promo_sendable
        self._packages = {type(one): one for one in packages}

    def of(self, kind: type[T]) -> T:
        """A package's own rules."""
        found = self._packages[kind]
        assert isinstance(found, kind)
        return found
