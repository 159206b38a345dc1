"""The setting TOPUP_NEWAPI_DISCOUNT, written as amount:part: `100:0.95, 500:0.9` sells 100 dollars of credit
for 95.

A price is rounded up to the cent, so nothing is sold below it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

PLACES = 4
_WHOLE: int = 10**PLACES
_ENTRY = re.compile(r"([1-9][0-9]{0,5}):0\.([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class Part:
    """Ten-thousandths of the whole: more than none, less than all."""

    parts: int

    def of(self, cents: int) -> int:
        return -(-cents * self.parts // _WHOLE)


def discounts_of(text: str) -> Mapping[int, Part]:
    """Parse the setting by amount in dollars; raise ValueError for any other form."""
    found: dict[int, Part] = {}
    for entry in re.split(r"[,\s]+", text.strip(", ")) if text.strip(", ") else ():
        match = _ENTRY.fullmatch(entry)
        if match is None or int(match[2]) == 0:
            raise ValueError("is a list of amount:part such as 100:0.95, 500:0.9")
        amount = int(match[1])
        if amount in found:
            raise ValueError(f"names {amount} twice")
        found[amount] = Part(int(match[2].ljust(PLACES, "0")))
    return found
