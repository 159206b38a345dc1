"""What a downloaded statement is called: whose it is and of which time, such as statement-acme-2026-03."""

import re
import unicodedata
from typing import Final

from kernel.clock import month_start_us, next_month_start_us, rfc3339

_NAME_CHARACTERS_MAX: Final = 40
_OTHERS: Final = re.compile(r"[^a-z0-9]+")


def statement_name(account: str, since: int, until: int) -> str:
    """Without its ending; times in microseconds, until exclusive. since 0: from the beginning."""
    parts = ("statement", _plain(account), _period(since, until))
    return "-".join(part for part in parts if part)


def _period(since: int, until: int) -> str:
    first, last = rfc3339(since)[:10], rfc3339(until - 1)[:10]
    if since == 0:
        return f"until-{last}"
    is_month = since == month_start_us(since) and until <= next_month_start_us(since)
    if is_month and (until == next_month_start_us(since) or first != last):
        return first[:7]
    return first if first == last else f"{first}-to-{last}"


def _plain(name: str) -> str:
    """The name in letters that every system takes in a file's name; empty where it has none."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _OTHERS.sub("-", ascii_only.lower()).strip("-")[:_NAME_CHARACTERS_MAX].rstrip("-")
