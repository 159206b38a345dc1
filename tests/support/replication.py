"""Two PostgreSQL servers, of which one follows the other: for what a failover does."""

import time
from pathlib import Path

from tests.support.postgres_server import OwnServer, asked_on_server, on_server

_CAUGHT_UP_S_MAX = 30.0
_PAUSE_S = 0.02


class ReplicatedServers:
    """`old` is the primary, `new` its standby, which promote() makes the primary.

    is_synchronous: a COMMIT on the old one is answered once the new one has it on disk.
    """

    def __init__(self, folder: Path, *, is_synchronous: bool) -> None:
        for name in ("old", "new"):
            (folder / name).mkdir()
            (folder / name).chmod(0o755)
        self.old = OwnServer(folder / "old")
        self.new = OwnServer(folder / "new")
        self._is_synchronous = is_synchronous

    def start(self) -> None:
        """Returns once the standby follows."""
        self.old.create()
        self.old.configure(
            access="host replication all 127.0.0.1/32 trust\n", settings="wal_level = replica\n"
        )
        self.old.start()
        self.new.copy_of(self.old)
        self.new.start()
        self._wait("SELECT COUNT(*) FROM pg_stat_replication WHERE state = 'streaming'", 1)
        if self._is_synchronous:
            on_server(self.old.url, "ALTER SYSTEM SET synchronous_standby_names = '*'")
            on_server(self.old.url, "SELECT pg_reload_conf()")
            self._wait("SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'", 1)

    def url(self, database: str) -> str:
        """Of both servers, the old one first."""
        return f"postgresql://topup@127.0.0.1:{self.old.port},127.0.0.1:{self.new.port}/{database}"

    def stall(self) -> None:
        """The old one's log reaches the new one no more: an asynchronous standby lags from here on."""
        on_server(self.new.url, "ALTER SYSTEM SET primary_conninfo = ''")
        on_server(self.new.url, "SELECT pg_reload_conf()")
        self._wait("SELECT COUNT(*) FROM pg_stat_replication", 0)

    def fail_over(self) -> None:
        """kill -9 of the old one, and the new one becomes the primary."""
        self.old.kill()
        self.promote()

    def promote(self) -> None:
        on_server(self.new.url, "SELECT pg_promote(true, 30)")

    def close(self) -> None:
        self.old.close()
        self.new.close()

    def _wait(self, question: str, expected: int) -> None:
        deadline_s = time.monotonic() + _CAUGHT_UP_S_MAX
        while asked_on_server(self.old.url, question) != expected:
            if time.monotonic() > deadline_s:
                raise TimeoutError(question)
            time.sleep(_PAUSE_S)
