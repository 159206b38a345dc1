"""What a table looks like, as a short digest that is the same in both databases.

Of each column its name, type, and whether it may be null and has a default; of each index whether it
is unique and partial, and its columns. Order, names of indexes and how a database writes an
expression do not count: a restore, or another release of the server, changes them.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from store.database import Row

_TYPES = {"blob": "bytea"}


def fingerprints(columns: Iterable[Row], indexes: Iterable[Row]) -> dict[str, str]:
    """Table -> digest. columns: (table, name, type, is required, has a default); indexes: (table, is
    unique, is partial, names of columns joined by commas).
    """
    lines: dict[str, list[str]] = {}
    for table, name, kind, is_required, has_default in columns:
        lower = kind.lower()
        line = f"{name} {_TYPES.get(lower, lower)} {bool(is_required):d}{bool(has_default):d}"
        lines.setdefault(table, []).append(line)
    for table, is_unique, is_partial, names in indexes:
        lines.setdefault(table, []).append(f"({names}) {bool(is_unique):d}{bool(is_partial):d}")
    return {table: _digest(found) for table, found in lines.items()}


def _digest(lines: list[Any]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:12]
