"""The machine checks of `topup doctor`: free disk, file descriptors, backup programs."""

import asyncio
import resource
import shutil
from pathlib import Path
from typing import Final

from cli.server.finding import CheckError, CheckWarning, Finding
from gateway.http.serve import OPEN_FILES
from runtime.context import connections_of_a_process
from runtime.redis_link import CONNECTIONS_MAX
from runtime.settings import Settings
from store.backup import check_tools
from store.errors import BackupRefused
from store.open import file_of

MIB: Final = 1024 * 1024
# Below the first nothing is safe; below the second there is time to act. A thousand top-ups take 3
# to 4 MB (docs/deploy.md).
FREE_MIB_MIN: Final = 256
FREE_MIB_ENOUGH: Final = 2048
# Files, pipes, listeners and name servers' sockets, generously.
FILES_OF_A_PROCESS: Final = 64
# Four addresses with all the connections that one may hold.
CLIENTS_MIN: Final = 1_024


async def copies(settings: Settings) -> str:
    try:
        return await asyncio.to_thread(check_tools, settings.direct_address)
    except BackupRefused as error:
        raise CheckError(str(error)) from None
    except ValueError:
        raise CheckError("TOPUP_DATABASE_URL cannot be read: see `database` above") from None


async def disk(settings: Settings) -> str:
    """Say how much room the disk of the database's file or data directory has.

    A database server's disk can't be seen from here.
    """
    file = file_of(settings.database_address)
    where = settings.data_dir.absolute() if file is None else file.absolute().parent
    try:
        folder = _that_exists(where)
        free_mib = shutil.disk_usage(folder).free // MIB
    except PermissionError:
        raise CheckWarning(
            f"{where} is closed to this user: run this as the user of the gateways"
        ) from None
    detail = f"{free_mib:,} MiB are free at {folder}"
    if free_mib < FREE_MIB_MIN:
        raise CheckError(f"{detail}: below {FREE_MIB_MIN} MiB writes begin to fail. Make room now")
    # A copy beside it, and a migration that rewrites a table, take its size once more.
    needed_mib = FREE_MIB_ENOUGH if file is None else max(FREE_MIB_ENOUGH, _size(file) // MIB)
    if free_mib < needed_mib:
        raise CheckWarning(
            f"{detail}, less than {needed_mib:,}: make room, or move the data to a larger disk"
        )
    return (
        detail if file is not None else f"{detail}; the database's own disk is not seen from here"
    )


def files(settings: Settings) -> Finding:
    """Say whether a gateway started like this command has descriptors for its clients."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    own = connections_of_a_process(settings) + CONNECTIONS_MAX + FILES_OF_A_PROCESS
    clients = max(0, limit - own)
    detail = f"up to {limit} for each process: {own} of its own, {clients} for a gateway's clients"
    if clients < CLIENTS_MIN:
        detail += ". Too few: raise the hard limit (LimitNOFILE, `ulimit -Hn`)"
    return Finding("files", True if clients >= CLIENTS_MIN else None, detail)


def _that_exists(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
