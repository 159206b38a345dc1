"""Open the database that a URL names."""

from pathlib import Path

from store.database import OnHint, Store, no_hint
from store.kept.commits import AcknowledgedCommits
from store.servers import PoolOptions

SQLITE_PREFIX = "sqlite:///"


def open_database(
    url: str,
    *,
    on_hint: OnHint = no_hint,
    options: PoolOptions | None = None,
    kept: AcknowledgedCommits | None = None,
) -> Store:
    """Open a database at a sqlite:/// or postgresql:// URL. Raise ValueError for any other URL.

    Closing the database also closes `kept`.
    """
    if url.startswith(SQLITE_PREFIX):
        from store.sqlite.database import SqliteDatabase  # noqa: PLC0415 one driver only [3 MB]

        path = Path(url.removeprefix(SQLITE_PREFIX))
        return SqliteDatabase(path, on_hint=on_hint)
    if url.startswith(("postgresql://", "postgres://")):
        from store.postgresql.database import PostgresqlDatabase  # noqa: PLC0415 as above

        return PostgresqlDatabase(url, on_hint=on_hint, options=options, kept=kept)
    raise ValueError("a database URL begins with sqlite:/// or postgresql://")


def file_of(url: str) -> Path | None:
    """Return the file that a URL names, or None if it names a server."""
    return Path(url.removeprefix(SQLITE_PREFIX)) if url.startswith(SQLITE_PREFIX) else None
