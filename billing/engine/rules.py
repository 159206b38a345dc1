"""The operator's rules, which apply to every command."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Rules:
    """code_of and claim_token_of take a top-up's ID; stored answers contain neither result. packages: single
    packages' rules by type.
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
        found = self._packages[kind]
        assert isinstance(found, kind)
        return found
