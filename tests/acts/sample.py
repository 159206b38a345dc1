"""One call of an act in the test of all doors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One call. is_again: it is made twice, and changes nothing the second time. after: an act that is done to the
    object first, with the values of `first`. is_of_new: it is about an object of its own, as the one before has ended.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    is_again: bool = False
    is_of_new: bool = False
    after: str = ""
    first: Mapping[str, Any] = field(default_factory=dict)
