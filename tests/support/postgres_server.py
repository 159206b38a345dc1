"""PostgreSQL for a run: databases of one's own on a given server, or a whole server of one's own."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg

from tests.support.ports import free_port

START_S_MAX = 60
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def on_server(url: str, statement: str) -> None:
    """One statement in a connection of its own, outside a transaction; also from within a loop."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


def asked_on_server(url: str, question: str) -> Any:
    """The first value of one question, as on_server."""

    async def run() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def create_database(server_url: str, name: str, *, template: str = "template1") -> str:
    """The URL of a new database on the server."""
    on_server(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return f"{server_url.rpartition('/')[0]}/{name}"


def drop_database(server_url: str, name: str) -> None:
    """Whoever is still connected to it."""
    with contextlib.suppress(OSError):
        on_server(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class OwnServer:
    """A PostgreSQL in a folder of its own, with fsync as in production; loopback only.

    It refuses to run as root, so then it runs as the user postgres, who must be able to reach the
    folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "postgresql"
        self._binaries = _binaries()
        self._user = None if os.getuid() else pwd.getpwnam("postgres")
        self.port = free_port()
        self.url = f"postgresql://topup@127.0.0.1:{self.port}/postgres"

    @property
    def exists(self) -> bool:
        """Whether it was made before."""
        return (self._folder / "PG_VERSION").exists()

    def create(self) -> None:
        self._folder.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "-U", "topup", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")

    def copy_of(self, primary: "OwnServer") -> None:
        """In place of create: a standby of that one, which runs."""
        self._folder.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        source = f"host=127.0.0.1 port={primary.port} user=topup application_name=standby"
        self._run("pg_basebackup", "-R", "-X", "stream", "-c", "fast", "-d", source)

    def kill(self) -> None:
        """kill -9 of the whole server, as if its machine was lost."""
        # The children notice that their parent is gone, and end by themselves.
        os.kill(self._pid(), signal.SIGKILL)
        deadline_s = time.monotonic() + START_S_MAX
        while self.is_running and time.monotonic() < deadline_s:
            time.sleep(0.02)

    def _pid(self) -> int:
        return int((self._folder / "postmaster.pid").read_text(encoding="ascii").split()[0])

    def configure(
        self,
        *,
        access: str = "",
        settings: str = "",
        certificate: tuple[bytes, bytes] | None = None,
    ) -> None:
        """Lines of pg_hba.conf before its own, and of postgresql.conf; a certificate and its key.
        Before the start.
        """
        for name, content in zip(("server.crt", "server.key"), certificate or (), strict=False):
            path = self._folder / name
            path.write_bytes(content)
            path.chmod(0o600)
            if self._user is not None:
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        table = self._folder / "pg_hba.conf"
        table.write_text(access + table.read_text(encoding="utf-8"), encoding="utf-8")
        with (self._folder / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(settings)

    def start(self) -> None:
        # A server that has run for a while writes into log files that it has already; a new one
        # would fill each with zeros first, 50 ms in a commit.
        # After a crash it syncs each of its files, thousands with some databases: seconds on a busy
        # machine, longer than a send waits. The whole file system at once takes a tenth of that.
        options = (
            f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1"
            " -c wal_init_zero=off -c min_wal_size=1GB -c recovery_init_sync_method=syncfs"
        )
        self._run("pg_ctl", "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def stop(self, *, mode: str = "fast") -> None:
        """Fast ends every connection; immediate is as a crash."""
        self._run("pg_ctl", "-m", mode, "-w", "stop")

    @property
    def is_running(self) -> bool:
        """False once the server has ended, by itself or not."""
        return self._call("pg_ctl", "status") == 0

    def close(self) -> None:
        if (self._folder / "postmaster.pid").exists():
            self.stop(mode="immediate")

    def _run(self, program: str, *words: str) -> None:
        if status := self._call(program, *words):
            raise subprocess.CalledProcessError(status, program)

    def _call(self, program: str, *words: str) -> int:
        """The exit status of one of PostgreSQL's programs on our folder."""
        user = self._user
        done = subprocess.run(
            [str(self._binaries / program), "-D", str(self._folder), *words],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=START_S_MAX,
            check=False,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
        )
        return done.returncode


def _binaries() -> Path:
    """Where initdb and pg_ctl are; raises FileNotFoundError with what to do."""
    found = shutil.which("initdb")
    if found is not None:
        # A link to it may lie elsewhere than the rest of the programs.
        return Path(found).resolve().parent
    if _BINARIES:
        return _BINARIES[0]
    raise FileNotFoundError("no PostgreSQL server here: apt install postgresql")
