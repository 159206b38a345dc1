"""Amounts as people type and read them; the API has whole US cents."""

import re
from typing import Any, Final

import click

_AMOUNT: Final = re.compile(r"\$?([0-9]{1,9})(?:\.([0-9]{1,2}))?")


class Dollars(click.ParamType[int]):
    """25, 25.5 or 25.00 US dollars, as cents, without rounding."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _AMOUNT.fullmatch(str(value).strip())
        if found is None:
            self.fail("write it in dollars, such as 25 or 25.00", param, ctx)
        return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def dollars_of(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"
