"""Copy a whole database while it is in use, and restore a copy.

A copy gets its final name only when it is complete and on disk. If a restore fails, the database isn't changed.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from store.errors import BackupRefused
from store.open import file_of
from store.postgresql import backup as backup_server
from store.sqlite import backup as backup_file
from store.sqlite.backup import Progress, sync
from store.sqlite.database import make_private_file

_MAGIC: Final = {b"SQLite format 3\0": "sqlite", b"PGDMP": "postgresql"}


def back_up(url: str, target: Path, *, on_progress: Progress) -> None:
    with _draft(target) as draft:
        source = file_of(url)
        if source is None:
            backup_server.dump(url, draft)
        else:
            backup_file.copy(source, draft, on_progress)


def check_tools(url: str) -> str:
    """Return the copying tool's name and version. Raise BackupRefused if the tool is missing or too old."""
    if file_of(url) is not None:
        return "needs no program beside topup"
    return backup_server.check_tools(url)


def restore(url: str, source: Path, *, replace: bool, aside: str, on_progress: Progress) -> None:
    """Restore the copy. Raise BackupRefused if the database is in use.

    An existing database is replaced only if `replace` is set. An old SQLite file is renamed, not deleted.
    """
    kind = kind_of(source)
    target = file_of(url)
    wanted = "postgresql" if target is None else "sqlite"
    if kind != wanted:
        raise BackupRefused(f"{source} is a copy of {kind}, the configured database is {wanted}")
    if target is None:
        backup_server.load(url, source, replace=replace)
    else:
        backup_file.put(source, target, replace=replace, aside=aside, on_progress=on_progress)


def kind_of(source: Path) -> str:
    """Return "sqlite" or "postgresql", depending on the file's first bytes. Raise BackupRefused for other files."""
    with source.open("rb") as file:
        start = file.read(16)
    found = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)
    if found is None:
        raise BackupRefused(f"{source} is no copy that `topup backup` made")
    return found


@contextlib.contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Yield a temporary file. On success, it gets the target's name, but it never replaces an existing file."""
    if target.exists():
        raise BackupRefused(f"{target} is there already; a copy is never written over a file")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    make_private_file(draft)
    try:
        yield draft
        sync(draft)
        try:
            os.link(draft, target)
        except FileExistsError:
            raise BackupRefused(f"{target} is there by now; nothing was written over it") from None
        sync(target.parent)
    finally:
        draft.unlink(missing_ok=True)
