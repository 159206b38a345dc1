"""The master key of a development installation: made once, in the data directory, mode 0600.

A production process gets TOPUP_SECRET_KEY instead, so that the key and the sealed data aren't in one
backup.
"""

import contextlib
import os
import secrets
from pathlib import Path

FILE_NAME = "master_key"
_KEY_BYTES = 32


def made_master_key(data_dir: Path) -> str:
    """Return the data directory's own key, made by the first call; only its owner can read the file."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The file gets its name when it is whole.
    draft = data_dir / f".{FILE_NAME}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, data_dir / FILE_NAME)
    finally:
        draft.unlink()
    return read_master_key(data_dir)


def read_master_key(data_dir: Path) -> str:
    """Return the key that `topup dev` made in this data directory, or an empty string."""
    try:
        return (data_dir / FILE_NAME).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
