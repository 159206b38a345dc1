"""Digest a table's shape, the same in both databases.

It leaves out what a restore or another server release may change: order, index names and the text of
expressions.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from store.database import Row

_TYPES = {"blob": "bytea"}


def fingerprints(columns: Iterable[Row], indexes: Iterable[Row]) -> dict[str, str]:
    """Return the digest of each table by its name.

    columns: (table, name, type, is required, has a default). indexes: (table, is unique, is partial, column
    names joined by commas).
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
