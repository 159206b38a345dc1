"""Map SQLite's failures to store/errors.py: its names and the constraint, never a value."""

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from store.errors import CannotOpen, Contention, DataRefused, Fault, StoreError, Unable

_UNABLE = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_NOMEM")
# The driver's names, which may continue as in SQLITE_BUSY_RECOVERY.
_FAULTS = {
    "SQLITE_NOTADB": Fault.NO_SQLITE,
    "SQLITE_CORRUPT": Fault.NO_SQLITE,
    "SQLITE_BUSY": Fault.LOCKED,
    "SQLITE_LOCKED": Fault.LOCKED,
    "SQLITE_READONLY": Fault.NOT_WRITABLE,
    "SQLITE_CANTOPEN": Fault.NOT_WRITABLE,
    "SQLITE_PERM": Fault.NOT_WRITABLE,
}
_NO_FOLDER = {errno.ENOENT, errno.ENOTDIR, errno.EEXIST}


def cannot_open(error: BaseException, path: Path) -> CannotOpen | None:
    """Return the fault behind a failure to open the file, or None for another failure."""
    if isinstance(error, OSError):
        fault = Fault.FOLDER_MISSING if error.errno in _NO_FOLDER else Fault.NOT_WRITABLE
        return CannotOpen(fault, type(error).__name__, str(path))
    code = getattr(error, "sqlite_errorname", "")
    fault_of_code = next((_FAULTS[name] for name in _FAULTS if code.startswith(name)), None)
    return None if fault_of_code is None else CannotOpen(fault_of_code, code, str(path))


@contextlib.contextmanager
def opening(path: Path) -> Iterator[None]:
    try:
        with named_failures():
            yield
    except CannotOpen:
        raise
    except (StoreError, OSError) as error:
        cause = error.__context__ if isinstance(error, StoreError) else error
        found = cannot_open(cause, path) if cause is not None else None
        raise found or error from None


@contextlib.contextmanager
def named_failures() -> Iterator[None]:
    """Raise driver errors as ours, with the code and the constraint."""
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
        raise StoreError(getattr(error, "sqlite_errorname", type(error).__name__)) from None
