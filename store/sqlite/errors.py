"""The failures of SQLite in the words of store/errors.py: its names and the constraint, never a value."""

import contextlib
import sqlite3
from collections.abc import Iterator

from store.errors import Contention, DataRefused, StoreError, Unable

# A disk that is full or broken, a file that may not be written.
_UNABLE = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_NOMEM")


@contextlib.contextmanager
def named_failures() -> Iterator[None]:
    """Driver errors as ours: they hold the code and the constraint, never a value."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        # "UNIQUE constraint failed: table.column": names only.
        raise DataRefused(error.sqlite_errorname, str(error).rpartition(": ")[2]) from None
    except (sqlite3.DataError, sqlite3.InterfaceError, OverflowError, UnicodeEncodeError) as error:
        raise DataRefused(type(error).__name__) from None
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise Contention(code) from None
        if code.startswith(_UNABLE):
            raise Unable(code) from None
        raise StoreError(code, str(error) if code == "SQLITE_ERROR" else "") from None
    except sqlite3.ProgrammingError as error:
        raise StoreError("SQLITE_MISUSE", str(error)) from None
    except sqlite3.Error as error:
        # Such as a damaged file, which is neither of the above.
        raise StoreError(getattr(error, "sqlite_errorname", type(error).__name__)) from None
