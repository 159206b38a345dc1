"""PgBouncer before a server, as Debian's package has it but for its mode; loopback only."""

import contextlib
import os
import pwd
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.ports import free_port
from tests.support.programs import needed

START_S_MAX = 10


@contextlib.contextmanager
def pooled(database_url: str, *, mode: str, more: str = "") -> Iterator[str]:
    """The URL of the same database behind a pooler in that mode; more: lines of its settings."""
    program = needed("pgbouncer")
    server = urlsplit(database_url)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="topup-pgbouncer-") as folder:
        users, settings = Path(folder) / "users", Path(folder) / "pgbouncer.ini"
        users.write_text(f'"{server.username}" ""\n', encoding="utf-8")
        settings.write_text(
            f"[databases]\n* = host={server.hostname} port={server.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\npool_mode = {mode}\n{more}\n",
            encoding="utf-8",
        )
        Path(folder).chmod(0o755)
        # It refuses to run as root.
        user = None if os.getuid() else pwd.getpwnam("nobody").pw_uid
        process = subprocess.Popen(
            [program, "-q", str(settings)], user=user, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for(port)
            yield server._replace(netloc=f"{server.username}@127.0.0.1:{port}").geturl()
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int) -> None:
    ends_at_s = time.monotonic() + START_S_MAX
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        assert time.monotonic() < ends_at_s, "PgBouncer does not listen"
        time.sleep(0.02)
