"""Show that alerts fire: stop, fill, delay or cut the real thing beside a real Prometheus.

    python -m tests.deploy.alerts_check [NAME …]

Prometheus and its exporters are Debian's packages. The rules are those of deploy/monitoring with their
thresholds as they are; only `for`, ranges and the scrape interval are seconds here and minutes there. Each
scenario breaks one thing, waits until its alerts fire, repairs it, and waits until they are over. BY_SERIES
lists the rules that this can't show, each with the reason: promtool tests those with series
(deploy/monitoring/*_test.yaml). Needs root for a file system of its own; runs for about fifteen minutes.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import re
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.installation import API, ROOT, Installation, Program
from tests.support.ports import free_port
from tests.support.postgres_server import OwnServer, create_database, on_server
from tests.support.receiver import Receiver
from tests.support.senders import client, order

MONITORING: Final = ROOT / "deploy/monitoring"
RULES: Final = ("alerts.yaml", "machines.yaml")
PROGRAMS: Final = (
    "prometheus",
    "promtool",
    "prometheus-node-exporter",
    "prometheus-postgres-exporter",
    "prometheus-blackbox-exporter",
    "mkfs.ext4",
    "faketime",
)
FAKETIME: Final = "*/faketime/libfaketimeMT.so.1"
FIRES_S_MAX: Final = 200.0
# How the rules' times are shortened; thresholds stay.
SHORTER: Final = {"6h": "30s", "1d:1m": "60s:1s"}
FOR: Final = "2s"
# What goes on after the scenario: a standby counts for a day, the certificate and the mail server stay as
# they are, and a promoted standby that lacks a commit is refused until an operator accepts the loss.
STAYS: Final = frozenset(
    {"TopupStandbyLost", "TopupCertificateEnds", "TopupMailFailing", "TopupDatabaseRefused"}
)
RANGE: Final = "15s"
# What is true only after hours or days, or needs what one machine has not; promtool shows these.
BY_SERIES: Final = {
    "TopupCheckpointOverdue": "a day and seven hours must pass",
    "TopupMoneyNotCompared": "fifty hours must pass",
    "TopupPruningStopped": "two hours must pass",
    "TopupPruningBehind": "a row must outlive its retention and resist",
    "TopupMailLate": "an hour must pass",
    "TopupPaymentsUnanswered": "an hour must pass",
    "TopupTopupsOverdue": "a day must pass",
    "TopupTransactionIdsRunOut": "a billion transactions must pass",
    "TopupDeliveriesLate": "five minutes must pass with workers that run",
    "TopupClaimsLost": "ten claims must be overtaken",
    "TopupMoneyDiffers": "a provider must tell other payments than the ledger has",
    "TopupMachinePaymentStuck": "a facilitator must lose an answer",
    "TopupSupplierContradicts": "a supplier must contradict itself",
    "TopupTopupsNeedPerson": "an hour must pass",
    "TopupTopupsWaitLong": "an hour must pass",
    "TopupRecordsNotSealed": "hours must pass",
    "TopupStoredEventChanged": "an event older than an hour must be changed",
}


@dataclass
class Stand:
    """What runs: two PostgreSQL servers, an installation, the exporters and Prometheus."""

    folder: Path
    primary: OwnServer
    standby: OwnServer
    installation: Installation
    receiver: Receiver
    exporters: dict[str, Program]
    prometheus: str
    key: str = ""
    live_key: str = ""
    endpoint: str = ""

    async def firing(self) -> set[str]:
        """Return the names of the alerts that fire now."""
        async with httpx.AsyncClient(timeout=10) as asking:
            answer = await asking.get(f"{self.prometheus}/api/v1/alerts")
        alerts = answer.json()["data"]["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    async def until_firing(self, names: Iterable[str]) -> None:
        await self._until(set(names), are_firing=True)

    async def until_over(self, names: Iterable[str]) -> None:
        await self._until(set(names), are_firing=False)

    async def _until(self, names: set[str], *, are_firing: bool) -> None:
        deadline_s = time.monotonic() + FIRES_S_MAX
        while True:
            found = await self.firing()
            if names <= found if are_firing else not names & found:
                return
            if time.monotonic() > deadline_s:
                missing = names - found if are_firing else names & found
                raise SystemExit(f"{'silent' if are_firing else 'still firing'}: {sorted(missing)}")
            await asyncio.sleep(0.5)


Break = Callable[[Stand], contextlib.AbstractAsyncContextManager[None]]
SCENARIOS: Final[dict[str, tuple[frozenset[str], Break]]] = {}


def scenario(*alerts: str) -> Callable[[Break], Break]:
    """Register what breaks something; inside of it the alerts must fire, and after it end."""

    def add(found: Break) -> Break:
        SCENARIOS[found.__name__] = (frozenset(f"Topup{one}" for one in alerts), found)
        return found

    return add


@contextlib.asynccontextmanager
async def beside(work: Callable[[], Awaitable[Any]]) -> AsyncIterator[None]:
    """Repeat the work as long as this is open, whatever comes of it."""

    async def keep() -> None:
        while True:
            with contextlib.suppress(httpx.HTTPError, OSError):
                await work()
            await asyncio.sleep(0.05)

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def send(stand: Stand, *, url: str = "", key: str = "") -> httpx.Response:
    async with client(key or stand.key, timeout_s=12) as calling:
        where = url or stand.installation.gateways[0].url
        return await calling.post(f"{where}{API}/topup/send", json=order(100))


@scenario("ProcessDown")
@contextlib.asynccontextmanager
async def a_gateway_is_killed(stand: Stand) -> AsyncIterator[None]:
    stand.installation.gateways[1].kill()
    yield
    stand.installation.gateways[1].restart()


@scenario("NothingSeen", "ProcessDown")
@contextlib.asynccontextmanager
async def every_process_hangs(stand: Stand) -> AsyncIterator[None]:
    programs = [*stand.installation.gateways, *stand.installation.workers]
    for program in programs:
        program.signal(19)
    yield
    for program in programs:
        program.signal(18)


@scenario("RedisAway")
@contextlib.asynccontextmanager
async def redis_is_killed(stand: Stand) -> AsyncIterator[None]:
    stand.installation.redis.kill()
    async with beside(lambda: send(stand)):
        yield
    stand.installation.redis.start()


@scenario("DatabaseAway", "NotReady", "RequestsFailing", "SourceSilent")
@contextlib.asynccontextmanager
async def both_database_servers_stop(stand: Stand) -> AsyncIterator[None]:
    stand.standby.stop(mode="immediate")
    stand.primary.stop(mode="immediate")
    async with beside(lambda: send(stand)):
        yield
    stand.primary.start()
    stand.standby.start()
    async with beside(lambda: send(stand)):
        await stand.until_over({"TopupRequestsFailing"})


@scenario("StandbyLost", "SendsSlow", "CommitsSlow")
@contextlib.asynccontextmanager
async def the_synchronous_standby_comes_and_goes(stand: Stand) -> AsyncIterator[None]:
    """A send waits for it: each time it is away for two seconds, some take that long."""
    set_synchronous(stand, "'*'")

    async def come_and_go() -> None:
        await asyncio.to_thread(stand.standby.stop, mode="immediate")
        await asyncio.sleep(2)
        await asyncio.to_thread(stand.standby.start)
        await asyncio.sleep(0.5)

    async with beside(lambda: send(stand)), beside(come_and_go):
        await stand.until_firing({"TopupSendsSlow", "TopupCommitsSlow"})
    set_synchronous(stand, "''")
    if stand.standby.is_running:
        stand.standby.stop(mode="immediate")
    async with beside(lambda: send(stand)):
        yield
    stand.standby.start()
    async with beside(lambda: send(stand)):
        await stand.until_over({"TopupSendsSlow", "TopupCommitsSlow"})


def set_synchronous(stand: Stand, names: str) -> None:
    on_server(stand.primary.url, f"ALTER SYSTEM SET synchronous_standby_names = {names}")
    on_server(stand.primary.url, "SELECT pg_reload_conf()")


@scenario("ReplicationLate")
@contextlib.asynccontextmanager
async def the_standby_stands_still(stand: Stand) -> AsyncIterator[None]:
    on_server(stand.standby.url, "SELECT pg_wal_replay_pause()")
    for _ in range(8):
        text = (
            "SELECT pg_logical_emit_message(false, 'alerts', repeat(md5(random()::text), 300000))"
        )
        on_server(stand.primary.url, text)
    yield
    on_server(stand.standby.url, "SELECT pg_wal_replay_resume()")


@scenario("ArchiveFailing")
@contextlib.asynccontextmanager
async def the_archive_fails(stand: Stand) -> AsyncIterator[None]:
    set_archive(stand, "/bin/false")

    async def next_segment() -> None:
        on_server(stand.primary.url, "SELECT pg_logical_emit_message(false, 'alerts', 'x')")
        on_server(stand.primary.url, "SELECT pg_switch_wal()")
        await asyncio.sleep(2)

    async with beside(next_segment):
        yield
    set_archive(stand, "/bin/true")


def set_archive(stand: Stand, command: str) -> None:
    on_server(stand.primary.url, f"ALTER SYSTEM SET archive_command = '{command}'")
    on_server(stand.primary.url, "SELECT pg_reload_conf()")


@scenario("ServerConnectionsShort")
@contextlib.asynccontextmanager
async def the_servers_connections_are_taken(stand: Stand) -> AsyncIterator[None]:
    held = [await asyncpg.connect(stand.primary.url) for _ in range(120)]
    yield
    for one in held:
        await one.close()


@scenario("RowsHeld")
@contextlib.asynccontextmanager
async def somebody_holds_tenants_rows(stand: Stand) -> AsyncIterator[None]:
    """Twenty accounts are sent from while one session holds the rows of all."""
    keys = [await stand.installation.key(await stand.installation.account()) for _ in range(20)]
    holder = await asyncpg.connect(primary_url(stand))
    try:
        async with contextlib.AsyncExitStack() as stack:
            await holder.execute("SET idle_in_transaction_session_timeout = 0")
            await holder.execute("BEGIN")
            await holder.execute("SELECT 1 FROM account_environments FOR UPDATE")
            for key, gateway in zip(keys, itertools.cycle(stand.installation.gateways)):
                sending = partial(send, stand, key=key, url=gateway.url)
                await stack.enter_async_context(beside(sending))
            yield
    finally:
        await holder.close()


@scenario("DeliveriesOverlooked")
@contextlib.asynccontextmanager
async def the_worker_is_killed(stand: Stand) -> AsyncIterator[None]:
    worker = stand.installation.workers[0]
    worker.kill()
    await send(stand)
    yield
    worker.restart()


def primary_url(stand: Stand) -> str:
    """Return the URL of our database on the first server alone."""
    return f"postgresql://topup@127.0.0.1:{stand.primary.port}/topup"


@scenario("DeliveriesFailing")
@contextlib.asynccontextmanager
async def the_receiver_refuses(stand: Stand) -> AsyncIterator[None]:
    async def refuse(_received: object) -> int | None:
        return 500

    before, stand.receiver.answer = stand.receiver.answer, refuse
    async with beside(lambda: send(stand)):
        yield
    stand.receiver.answer = before


@scenario("FilesShort", "FilesExhausted")
@contextlib.asynccontextmanager
async def a_stranger_holds_connections(stand: Stand) -> AsyncIterator[None]:
    gateway = stand.installation.gateways[1]
    host, port = "127.0.0.1", int(gateway.url.rpartition(":")[2])
    used = len(list(Path(f"/proc/{gateway.pid}/fd").iterdir()))
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (used + 60, 4096))
    held: list[socket.socket] = []
    try:
        while len(held) < 55:
            held.append(socket.create_connection((host, port), timeout=2))
        await stand.until_firing({"TopupFilesShort"})

        async def knock() -> None:
            with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
                await asyncio.sleep(0.5)

        held += [socket.create_connection((host, port), timeout=2) for _ in range(10)]
        async with beside(knock):
            yield
    finally:
        for one in held:
            one.close()
        gateway.stop()
        gateway.restart()


@scenario("LedgerBroken")
@contextlib.asynccontextmanager
async def a_row_of_the_ledger_is_changed(stand: Stand) -> AsyncIterator[None]:
    url = primary_url(stand)
    wallet = "id = (SELECT MIN(id) FROM ledger_accounts WHERE kind = 'wallet')"
    on_server(url, f"UPDATE ledger_accounts SET balance_micros = balance_micros + 1 WHERE {wallet}")
    assert stand.installation.run("audit").returncode == 1
    yield
    on_server(url, f"UPDATE ledger_accounts SET balance_micros = balance_micros - 1 WHERE {wallet}")
    done = stand.installation.run("audit")
    assert done.returncode == 0, done.stdout + done.stderr


@scenario("StagingClosed")
@contextlib.asynccontextmanager
async def the_database_is_above_its_limit(stand: Stand) -> AsyncIterator[None]:
    gateway = stand.installation.gateways[1]
    gateway.stop()
    gateway.env["TOPUP_STAGING_DATABASE_MAX_MB"] = "1"
    gateway.restart()
    yield
    gateway.stop()
    del gateway.env["TOPUP_STAGING_DATABASE_MAX_MB"]
    gateway.restart()


@scenario("NotificationsNotBelieved")
@contextlib.asynccontextmanager
async def somebody_forges_notifications(stand: Stand) -> AsyncIterator[None]:
    async def forge() -> None:
        async with httpx.AsyncClient() as calling:
            await calling.post(
                f"{stand.installation.url}/payment/webhook/stripe",
                content=b"{}",
                headers={"stripe-signature": "t=1,v1=00"},
            )

    async with beside(forge):
        yield


@scenario("MailFailing")
@contextlib.asynccontextmanager
async def the_mail_server_is_away(stand: Stand) -> AsyncIterator[None]:
    """The installation's mail server is a port at which nobody listens."""
    numbers = itertools.count()

    async def send_with_mail() -> None:
        body = order(100, email=f"user{next(numbers)}@example.com")
        body["delivery"] = {"email": True}
        async with client(stand.key, timeout_s=12) as calling:
            sent = await calling.post(f"{stand.installation.url}{API}/topup/send", json=body)
        assert sent.is_success, sent.text
        await asyncio.sleep(0.5)

    async with beside(send_with_mail):
        yield


@scenario("CertificateEnds")
@contextlib.asynccontextmanager
async def the_certificate_ends_in_three_days(stand: Stand) -> AsyncIterator[None]:
    yield


@scenario("Unreachable")
@contextlib.asynccontextmanager
async def the_public_address_is_away(stand: Stand) -> AsyncIterator[None]:
    (stand.folder / "closed").touch()
    yield
    (stand.folder / "closed").unlink()


@scenario("ExporterMissing")
@contextlib.asynccontextmanager
async def an_exporter_is_killed(stand: Stand) -> AsyncIterator[None]:
    stand.exporters["node"].kill()
    yield
    start(stand.exporters["node"])


@scenario("DiskFilling", "DiskFull")
@contextlib.asynccontextmanager
async def a_disk_fills(stand: Stand) -> AsyncIterator[None]:
    with mounted(stand.folder / "disk", megabytes=64) as disk:
        free = shutil.disk_usage(disk).free
        (disk / "filler").write_bytes(bytes(free - 2 * 1024 * 1024))
        yield


@scenario("CopyOld", "CopyElsewhereOld")
@contextlib.asynccontextmanager
async def the_last_copies_are_two_nights_old(stand: Stand) -> AsyncIterator[None]:
    on_server(primary_url(stand), "DELETE FROM backups")
    at_another_time(stand, "-51h", "backup", str(stand.folder / "old.copy"))
    at_another_time(stand, "-51h", "backup", "--elsewhere")
    yield
    now(stand, "backup", str(stand.folder / "new.copy"))
    now(stand, "backup", "--elsewhere")


@scenario("LedgerNotProved")
@contextlib.asynccontextmanager
async def the_last_audit_is_two_nights_old(stand: Stand) -> AsyncIterator[None]:
    on_server(primary_url(stand), "DELETE FROM ledger_proofs")
    at_another_time(stand, "-51h", "audit")
    yield
    now(stand, "audit")


@scenario("ClockOff")
@contextlib.asynccontextmanager
async def a_clock_is_ten_seconds_ahead(stand: Stand) -> AsyncIterator[None]:
    gateway = stand.installation.gateways[1]
    gateway.stop()
    own, gateway.env = gateway.env, another_time(gateway.env, "+10s")
    gateway.restart()
    yield
    gateway.stop()
    gateway.env = own
    gateway.restart()


def another_time(env: Mapping[str, str], offset: str) -> dict[str, str]:
    """Return the variables under which a process reads a clock that is off; Debian's libfaketime."""
    [library] = Path("/usr/lib").glob(FAKETIME)
    return {
        **env,
        "LD_PRELOAD": str(library),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def at_another_time(stand: Stand, offset: str, *words: str) -> None:
    """Run a command of ours on a machine whose clock is off."""
    installation = stand.installation
    subprocess.run(
        [*installation.topup, *words],
        cwd=installation.data_dir,
        env=another_time(installation.env, offset),
        check=True,
        capture_output=True,
        timeout=180,
    )


def now(stand: Stand, *words: str) -> None:
    done = stand.installation.run(*words)
    assert done.returncode == 0, done.stderr


@scenario("FirstAttemptsLate", "RetriesLate")
@contextlib.asynccontextmanager
async def somebody_holds_endpoints_rows(stand: Stand) -> AsyncIterator[None]:
    """Deliveries are due for half a minute, and no worker can claim them."""

    async def refuse(_received: object) -> int | None:
        return 500

    before, stand.receiver.answer = stand.receiver.answer, refuse
    holder = await asyncpg.connect(primary_url(stand))
    try:
        async with beside(lambda: send(stand)):
            await asyncio.sleep(3)
            await holder.execute("SET idle_in_transaction_session_timeout = 0")
            await holder.execute("BEGIN")
            await holder.execute("SELECT 1 FROM endpoints FOR NO KEY UPDATE")
            await asyncio.sleep(2)
        await asyncio.sleep(34)
    finally:
        await holder.close()
    stand.receiver.answer = before
    yield


@scenario("ProviderFailing")
@contextlib.asynccontextmanager
async def a_payment_provider_is_away(stand: Stand) -> AsyncIterator[None]:
    """The installation's Stripe is a port at which nobody listens."""
    order_of_five = {"provider": "stripe", "amount_cents": 500}

    async def pay() -> None:
        async with client(stand.live_key, timeout_s=12) as calling:
            await calling.post(f"{stand.installation.url}{API}/orders", json=order_of_five)
        await asyncio.sleep(0.5)

    async with beside(pay):
        yield


@scenario("ConnectionsShort")
@contextlib.asynccontextmanager
async def a_table_is_locked_and_readers_queue(stand: Stand) -> AsyncIterator[None]:
    """Sixty readers take all connections, and the others wait for one."""
    holder = await asyncpg.connect(primary_url(stand))
    try:
        await holder.execute("SET idle_in_transaction_session_timeout = 0")
        await holder.execute("BEGIN")
        await holder.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        async with contextlib.AsyncExitStack() as stack, client(stand.key, timeout_s=12) as calling:
            where = f"{stand.installation.gateways[0].url}{API}/events?limit=1"
            for _ in range(60):
                await stack.enter_async_context(beside(lambda: calling.get(where)))
            yield
    finally:
        await holder.close()


@scenario("SupplierSilent")
@contextlib.asynccontextmanager
async def a_supplier_gives_no_clear_answer(stand: Stand) -> AsyncIterator[None]:
    """It answers 500, so nobody knows whether it delivered."""

    async def refuse(_received: object) -> int | None:
        return 500

    secret = stand.folder / "supplier.secret"
    secret.write_text(f"whsec_{base64.b64encode(bytes(32)).decode()}\n", encoding="utf-8")
    url = f"http://127.0.0.1:{stand.receiver.port}/supplier"
    options = ("--kind", "http", "--option", f"url={url}", "--secret", f"secret=@{secret}")
    now(stand, "suppliers", "create", "--id", "own", *options)
    now(stand, "platforms", "create", "gpt", "--name", "GPT")
    now(stand, "platforms", "suppliers", "gpt", "own")
    before, stand.receiver.answer = stand.receiver.answer, refuse
    body = {**order(100), "platform": "gpt"}

    async def send_to_it() -> None:
        async with client(stand.key, timeout_s=12) as calling:
            await calling.post(f"{stand.installation.url}{API}/topup/send", json=body)
        await asyncio.sleep(0.2)

    async with beside(send_to_it):
        yield
    stand.receiver.answer = before
    now(stand, "suppliers", "pause", "own", "--reason", "it answers 500")


@scenario("CommandsWait")
@contextlib.asynccontextmanager
async def more_callers_come_than_are_served(stand: Stand) -> AsyncIterator[None]:
    """One session holds all tenants' rows, and 1,300 callers send."""
    holder = await asyncpg.connect(primary_url(stand))
    where = f"{stand.installation.url}{API}/topup/send"
    try:
        async with contextlib.AsyncExitStack() as stack, client(stand.key, timeout_s=60) as calling:
            await holder.execute("SET idle_in_transaction_session_timeout = 0")
            await holder.execute("BEGIN")
            await holder.execute("SELECT 1 FROM account_environments FOR UPDATE")
            for _ in range(1_300):
                again = beside(lambda: calling.post(where, json=order(100)))
                await stack.enter_async_context(again)
            yield
    finally:
        await holder.close()


@scenario("TwoPrimaries", "DatabaseRefused")
@contextlib.asynccontextmanager
async def the_standby_is_promoted_beside_the_primary(stand: Stand) -> AsyncIterator[None]:
    """Last, since nothing goes back."""
    on_server(stand.standby.url, "SELECT pg_promote(true, 30)")
    yield
    stand.primary.stop(mode="immediate")


@contextlib.contextmanager
def mounted(place: Path, *, megabytes: int) -> Iterator[Path]:
    """Mount a file system of its own, whose filling harms nobody."""
    image = place.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(megabytes * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        image.unlink()


def shortened(rules: Path, target: Path) -> list[str]:
    """Write the rules with seconds in place of minutes; return their names."""
    loaded = yaml.safe_load(rules.read_text(encoding="utf-8"))
    names = []
    for group in loaded["groups"]:
        for rule in group["rules"]:
            names.append(rule["alert"])
            rule["expr"] = re.sub(
                r"\[([\w:]+)\]", lambda found: f"[{SHORTER.get(found[1], RANGE)}]", rule["expr"]
            )
            # A day ahead of six hours is two minutes ahead of thirty seconds.
            rule["expr"] = rule["expr"].replace("[30s], 86400)", "[30s], 120)")
            if "for" in rule:
                rule["for"] = FOR
    target.write_text(yaml.safe_dump(loaded), encoding="utf-8")
    return names


def start(program: Program) -> None:
    """Start a program that does not say when it is ready."""
    program.start()


def own_certificate(folder: Path, *, days: int) -> tuple[Path, Path]:
    """Write a certificate of 127.0.0.1 that ends in so many days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "address.pem", folder / "address.key"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


@contextlib.asynccontextmanager
async def public_address(folder: Path) -> AsyncIterator[int]:
    """Serve 200 over TLS, as a proxy would; hang up while the file `closed` is there. Yields the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*own_certificate(folder, days=3))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if not (folder / "closed").exists():
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def prometheus_yaml(targets: dict[str, list[str]], folder: Path) -> str:
    """Return the configuration: the jobs as deploy/monitoring/README.md has them."""
    blackbox = {
        "job_name": "blackbox",
        "metrics_path": "/probe",
        "params": {"module": ["http_2xx"]},
        "static_configs": [{"targets": targets["address"]}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": targets["blackbox"][0]},
        ],
    }
    jobs: list[dict[str, Any]] = [
        {"job_name": name, "static_configs": [{"targets": targets[name]}]}
        for name in ("topup", "node", "postgres")
    ]
    return json.dumps(
        {
            "global": {
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "evaluation_interval": "1s",
            },
            "rule_files": [str(folder / name) for name in RULES],
            "scrape_configs": [*jobs, blackbox],
        }
    )


def mounts() -> list[str]:
    """Return the places at which file systems are mounted now."""
    lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    return sorted({line.split()[1] for line in lines})


def watchers(
    folder: Path, targets: dict[str, list[str]], primary: OwnServer
) -> tuple[dict[str, Program], dict[str, int]]:
    """Return the exporters and Prometheus, configured and not started, and their ports."""
    ports = {name: free_port() for name in ("node", "postgres", "blackbox", "prometheus")}
    argv = {
        "node": [
            "prometheus-node-exporter",
            "--collector.disable-defaults",
            "--collector.filesystem",
            # This machine's own disks may well be full.
            f"--collector.filesystem.mount-points-exclude=^({'|'.join(map(re.escape, mounts()))})$",
        ],
        "postgres": ["prometheus-postgres-exporter"],
        "blackbox": ["prometheus-blackbox-exporter", f"--config.file={folder}/blackbox.yaml"],
        "prometheus": [
            "prometheus",
            f"--config.file={folder}/prometheus.json",
            f"--storage.tsdb.path={folder}/tsdb",
        ],
    }
    (folder / "blackbox.yaml").write_text(
        "modules: {http_2xx: {prober: http, http: {tls_config: {insecure_skip_verify: true}}}}\n"
    )
    whole = {**targets, **{name: [f"127.0.0.1:{port}"] for name, port in ports.items()}}
    (folder / "prometheus.json").write_text(prometheus_yaml(whole, folder))
    source = f"postgresql://topup@127.0.0.1:{primary.port}/postgres?sslmode=disable"
    env = {**os.environ, "DATA_SOURCE_NAME": source}
    programs = {
        name: Program(
            [*words, f"--web.listen-address=127.0.0.1:{ports[name]}"], env, folder / f"{name}.log"
        )
        for name, words in argv.items()
    }
    return programs, ports


@contextlib.asynccontextmanager
async def standing(folder: Path) -> AsyncIterator[Stand]:
    """Start everything; end with no alert that fires but the certificate's and the mail server's."""
    async with contextlib.AsyncExitStack() as stack:
        for name in ("a", "b"):
            (folder / name).mkdir(mode=0o755)
        primary, standby = OwnServer(folder / "a"), OwnServer(folder / "b")
        stack.callback(standby.close)
        stack.callback(primary.close)
        primary.create()
        primary.configure(
            access="host replication all 127.0.0.1/32 trust\n",
            settings="wal_level = replica\nmax_connections = 150\narchive_mode = on\n"
            "archive_command = '/bin/true'\nwal_keep_size = 512MB\n",
        )
        primary.start()
        standby.copy_of(primary)
        standby.start()
        create_database(primary.url, "topup")
        url = f"postgresql://topup@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/topup"
        worker_port, closed_port = free_port(), free_port()
        installation = stack.enter_context(
            Installation(
                folder / "topup",
                url,
                worker_port=str(worker_port),
                smtp_url=f"smtp://127.0.0.1:{closed_port}",
                mail_from="shop@example.com",
                mail_staging="true",
                stripe_secret_key="sk_test_alerts",
                stripe_webhook_secret="whsec_alerts",
                stripe_api_base=f"http://127.0.0.1:{closed_port}",
                connections_per_address_max="0",
            )
        )
        done = await asyncio.to_thread(installation.run, "migrate")
        assert done.returncode == 0, done.stderr
        installation.start(gateways=2)
        receiver = await stack.enter_async_context(Receiver())
        address_port = await stack.enter_async_context(public_address(folder))
        targets = {
            "topup": [one.url.removeprefix("http://") for one in installation.gateways]
            + [f"127.0.0.1:{worker_port}"],
            "address": [f"https://127.0.0.1:{address_port}/readyz"],
        }
        programs, ports = watchers(folder, targets, primary)
        for program in programs.values():
            stack.callback(program.kill)
            program.start()
        stand = Stand(
            folder, primary, standby, installation, receiver, programs,
            f"http://127.0.0.1:{ports['prometheus']}",
        )  # fmt: skip
        await prepare(stand)
        yield stand


async def prepare(stand: Stand) -> None:
    """Make a key and an endpoint, prove the ledger, and wait until Prometheus sees all of it."""
    account = await stand.installation.account(email="ops@example.com")
    stand.key = await stand.installation.key(account)
    stand.live_key = await stand.installation.key(account, "live")
    async with client(stand.key) as calling:
        body = {
            "url": f"http://127.0.0.1:{stand.receiver.port}/hook",
            "retry_schedule_s": [0, 1, 1],
        }
        made = await calling.post(f"{stand.installation.url}{API}/webhooks/register", json=body)
        assert made.is_success, made.text
    assert (await send(stand)).is_success
    now(stand, "audit")
    now(stand, "backup", str(stand.folder / "first.copy"))
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(httpx.HTTPError):
                await stand.firing()
                break
            await asyncio.sleep(0.5)
    # The quiet state; a rule that fires here would prove nothing later.
    await asyncio.sleep(12)
    quiet = await stand.firing() - {"TopupCertificateEnds", "TopupMailFailing"}
    if quiet:
        raise SystemExit(f"these fire while all is well: {sorted(quiet)}")


async def run(names: list[str], folder: Path) -> None:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing or os.getuid() != 0:
        raise SystemExit(
            f"needs root and {', '.join(missing) or 'nothing else'}: apt install prometheus"
            " prometheus-node-exporter prometheus-postgres-exporter prometheus-blackbox-exporter e2fsprogs faketime"
        )
    rules = {name for file in RULES for name in shortened(MONITORING / file, folder / file)}
    shown: set[str] = set()
    async with standing(folder) as stand:
        for name, (alerts, breaking) in SCENARIOS.items():
            if names and name not in names:
                continue
            began_s = time.monotonic()
            async with breaking(stand):
                await stand.until_firing(alerts)
            await stand.until_over(alerts - STAYS)
            shown |= alerts
            say(
                f"{time.monotonic() - began_s:5.0f} s  {name.replace('_', ' ')}: {', '.join(sorted(alerts))}"
            )
    say(f"{len(shown)} of {len(rules)} rules fired beside the real thing.")
    if not names:
        for rule, why in sorted(BY_SERIES.items()):
            say(f"  by series alone: {rule}: {why}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="topup-alerts-") as made:
        Path(made).chmod(0o755)
        asyncio.run(run(sys.argv[1:], Path(made)))
