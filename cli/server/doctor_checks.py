"""Run the checks of `topup doctor`: contradictory settings, the database, Redis, and the public address."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.http.auth import parse_address
from kernel.brand import contrast
from kernel.clock import HOUR_US, SECOND_US, SystemClock
from runtime.context import connections_of_a_process
from runtime.installation import open_store, pool_options, redis_url
from runtime.processes.presence import list_workers
from runtime.redis_link import QUEUE_NAME, WORDS, check_usable, fault_of, wake_channel
from runtime.setting_forms.provider_variables import Variable, variable_of
from runtime.setting_forms.redis_url import close_pool, connection_pool
from runtime.settings import Network, Settings
from runtime.traces.open import MISSING, is_installed, sdk_variables
from runtime.watch import staging_left
from store.database import Transaction
from store.errors import StoreError
from store.kept.backups import last_finished
from store.open import file_of, open_database
from store.sqlite.file import space as space_of
from store.version import SchemaOutOfRange, changed_tables, differs, migrated_by, schema_version

# How Stripe and Creem mark test and live keys.
_TEST_MARK: Final = "_test_"
_LIVE_MARK: Final = "_live_"
# The OpenTelemetry SDK uses the first of these variables that is set.
_COLLECTORS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_TEST_HOSTS: Final = ("test", "sandbox", "demo")
CLOCK_OFF_S_MAX: Final = 2.0
# Up to two nightly copies may be missed. The alerts CopyOld and CopyElsewhereOld have the same limit.
COPY_AGE_H_MAX: Final = 50
_PLACES: Final = {"local": "a file of `topup backup`", "elsewhere": "on another machine"}
MB: Final = 1_000_000
ASK_S_MAX: Final = 5.0
FULL_PERCENT: Final = 90
OFF_S_MAX: Final = 2.0
_UNSEEN: Final = "can't be checked: see `redis` above"
_MISSING: Final = (
    "TOPUP_REDIS_URL is empty and no embedded Redis runs. Redis may be absent: workers then get hints"
    " through the database, and each process limits rates on its own"
)
# No machine has this address (RFC 5737). A gateway that accepts it would accept any address that a client claims.
CLAIMED: Final = "192.0.2.77"
NO_HEADERS: Final[Mapping[str, str]] = {}
_BODY_BYTES_MAX: Final = 512
_GATEWAY_AWAY: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


class CheckError(Exception):
    """A check failed. The message says what to do."""


class CheckWarning(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check. If `is_well` is None, the finding is only a note, and the command doesn't
    fail.
    """

    part: str
    is_well: bool | None
    detail: str


def contradictions(settings: Settings) -> Finding:
    """Report settings that contradict each other. The command fails if they let strangers in, or mix real
    and test money.
    """
    wrong = [*_mixed(settings), *_open(settings)]
    if wrong:
        return Finding("consistency", False, "; ".join(wrong))
    odd = [*_unreachable(settings), *_nameless(settings)]
    if odd:
        return Finding("consistency", None, "; ".join(odd))
    return Finding("consistency", True, "the settings don't contradict each other")


def _mixed(settings: Settings) -> Iterator[str]:
    for found in settings.providers.variables:
        text = found.value.get_secret_value() if isinstance(found.value, SecretStr) else found.value
        if _is_staging(found, settings):
            if _LIVE_MARK in str(text):
                yield f"{found.name} is a live key: payments of tests would take real money"
        elif _TEST_MARK in str(text):
            yield f"{found.name} is a test key: live credit would be sold for test money"
        elif found.name.endswith("_API_BASE") and _is_for_tests(str(text)):
            yield f"{found.name} names a test address: live credit would be sold for test money"


def _is_staging(found: Variable, settings: Settings) -> bool:
    return any(
        found.name.startswith(variable_of(name, "staging", ""))
        for name in settings.providers.registrations
    )


def _is_for_tests(url: str) -> bool:
    return any(mark in (urlsplit(url).hostname or "") for mark in _TEST_HOSTS)


def _open(settings: Settings) -> Iterator[str]:
    is_public = bool(settings.public_url) and not names_this_machine(settings.public_url)
    if is_public and any(_is_everybody(network) for network in settings.metrics_cidrs):
        yield "TOPUP_METRICS_CIDRS names every address: strangers may read /metrics"


def _unreachable(settings: Settings) -> Iterator[str]:
    if settings.public_url and not names_this_machine(settings.public_url):
        return
    for (name, environment), made in settings.providers.settings.items():
        if environment == "live" and made.is_complete:
            yield (
                f"{name} is set up for live, and TOPUP_PUBLIC_URL is not an address that it can"
                " reach: payments would be noticed only by polling, a minute late or more"
            )


def _nameless(settings: Settings) -> Iterator[str]:
    sells_live = any(
        environment == "live" and made.is_complete
        for (_, environment), made in settings.providers.settings.items()
    )
    if sells_live and not settings.seller.is_known:
        yield (
            "live payments are taken and TOPUP_SELLER_NAME is empty: no receipt is made before it says"
            " who sells"
        )


def payments(settings: Settings) -> Finding:
    taking = sorted(
        f"{name} in {environment}"
        for (name, environment), made in settings.providers.settings.items()
        if made.is_complete
    )
    if not taking:
        return Finding("payments", True, "no provider has credentials; staging has the sandbox")
    detail = f"{', '.join(taking)}: `topup providers check` asks whether they are set up right"
    return Finding("payments", True, detail)


def brand(settings: Settings) -> Iterator[Finding]:
    own = settings.brand
    if not own.name and not own.color:
        return
    shown = [own.name or "no name"]
    shown.append("no logo" if own.logo is None else f"a logo ({own.logo.suffix})")
    if own.color:
        ratio = contrast(own.color, own.button_text)
        shown.append(f"{own.color} buttons with text in {own.button_text} ({ratio:.1f}:1)")
    yield Finding("brand", True, ", ".join(shown))


def tracing(settings: Settings) -> Finding:
    if not settings.tracing:
        return Finding("tracing", True, "is off")
    if not is_installed():
        return Finding("tracing", False, MISSING)
    named = [name for name in _COLLECTORS if name in sdk_variables()]
    if not named:
        return Finding(
            "tracing",
            None,
            f"{_COLLECTORS[-1]} is empty: spans go to port 4318 of this machine",
        )
    return Finding("tracing", True, f"spans go where {named[0]} says")


def _is_everybody(network: Network) -> bool:
    return network.prefixlen == 0


def names_this_machine(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    address = parse_address(name)
    return name == "localhost" or (address is not None and address.is_loopback)


async def database(settings: Settings) -> str:
    kind = settings.database_address.partition(":")[0]
    async with open_store(settings) as database:
        started_s = time.perf_counter()
        version = await schema_version(database)
        took_ms = (time.perf_counter() - started_s) * 1000
        if version is not None and (changed := await changed_tables(database, version)):
            raise differs(version, changed)
        await database.probe(b"", now_us=SystemClock().now_us())
        by = version and await migrated_by(database, version)
    made = f" by {by}" if by else ""
    return f"{kind}, schema {version}{made}, answers in {took_ms:.1f} ms and keeps what is written"


async def backups(settings: Settings) -> str:
    async with open_store(settings) as database:
        began = await database.read(last_finished)
    now_us = SystemClock().now_us()
    ages_h = {place: (now_us - at_us) / HOUR_US for place, at_us in began.items()}
    if not ages_h:
        raise CheckWarning("none is recorded: run `topup backup` each night from a timer")
    detail = "the last one was taken " + " and ".join(
        f"{age_h:.0f} h ago ({_PLACES[place]})" for place, age_h in sorted(ages_h.items())
    )
    if min(ages_h.values()) > COPY_AGE_H_MAX:
        raise CheckWarning(f"{detail}: run `topup backup` each night from a timer")
    if ages_h.get("elsewhere", 0) > COPY_AGE_H_MAX:
        raise CheckWarning(
            f"{detail}: take one to another machine, then run `topup backup --elsewhere`"
        )
    return detail


async def servers(settings: Settings) -> str:
    async with open_store(settings) as database:
        seen = await database.servers.check_all()
        timeline = database.servers.position.timeline
    if not seen:
        return "none: the database is a file"
    refused = [
        f"{one.address} is refused ({one.fault.value})"
        for one in seen
        if one.fault is not None and one.role == "primary"
    ]
    if refused:
        raise CheckError("; ".join([*refused, "`topup database status` and docs/failover.md"]))
    away = [one.address for one in seen if one.role == "unknown" and one.fault is not None]
    if away:
        raise CheckWarning(f"{', '.join(away)} does not answer: nothing to take over from, or to")
    if not timeline:
        return "one, and it does not say who it is: a failover is not noticed"
    standbys = sum(one.role == "standby" for one in seen)
    return f"one primary, on timeline {timeline}, and {standbys} standbys that the URL names"


async def connections(settings: Settings) -> str:
    async with open_store(settings) as database:
        room = await database.room()
    if room is None:
        return "are to a file: no server counts them"
    each = connections_of_a_process(settings)
    fits = max(0, room.connections_max - room.others) // each
    detail = (
        f"up to {each} for each gateway and worker: the server's {room.connections_max} less"
        f" {room.others} of others have room for {fits}; {room.ours} are open"
    )
    if max(2 * each, room.ours) > fits * each:
        raise CheckWarning(
            f"{detail}. Too few: raise max_connections, lower TOPUP_DATABASE_CONNECTIONS or start"
            " fewer processes"
        )
    return detail


async def pooler(settings: Settings) -> str:
    direct = settings.database_direct_url.get_secret_value()
    async with open_store(settings) as database:
        place = await database.place()
        is_sharing = database.is_sharing_sessions
    if not direct:
        if is_sharing:
            raise CheckWarning(
                "gives each transaction another session, and TOPUP_DATABASE_DIRECT_URL is not set:"
                " migrate, backup and restore need it, and wake-ups without Redis"
            )
        return "none that shares sessions"
    server = open_database(direct, options=pool_options(settings))
    try:
        if await server.place() != place:
            raise CheckError("TOPUP_DATABASE_DIRECT_URL leads to another database than the pooler")
    finally:
        await server.close()
    if server.is_sharing_sessions:
        raise CheckError("TOPUP_DATABASE_DIRECT_URL leads to a pooler that shares sessions, too")
    return "is passed by where a session is needed"


async def space(settings: Settings) -> str:
    path = file_of(settings.database_address)
    if path is None:
        return "is the server's"
    async with open_store(settings):
        found = space_of(path)
    detail = f"{found.size / MB:.1f} MB, of which {found.free / MB:.1f} MB are free"
    if not found.can_give_back:
        raise CheckWarning(
            f"{detail}; the file never gets smaller: `topup vacuum` at a calm moment"
        )
    return f"{detail}; workers give it back in steps"


async def staging(settings: Settings) -> str:
    async with open_store(settings) as database:
        left = await staging_left(settings, database)
    if left is None:
        return "has no reserve: TOPUP_STAGING_RESERVE_MB (a file) or TOPUP_STAGING_DATABASE_MAX_MB (a server)"
    if left < 0:
        raise CheckError(
            f"is refused: {-left / MB:,.0f} MB more than its limit are in use. Make room, or change"
            " TOPUP_STAGING_RESERVE_MB (a file's disk) or TOPUP_STAGING_DATABASE_MAX_MB (a server)"
        )
    return f"may use {left / MB:,.0f} MB more before it is refused"


async def clock(settings: Settings) -> str:
    async def work(tx: Transaction) -> int | None:
        row = await tx.fetch_one("SELECT DATABASE_NOW_US() AS now_us")
        return None if row is None or row["now_us"] is None else int(row["now_us"])

    async with open_store(settings) as database:
        theirs_us = await database.read(work)
    if theirs_us is None:
        return "is the database's own"
    off_s = abs(theirs_us - SystemClock().now_us()) / SECOND_US
    if off_s > CLOCK_OFF_S_MAX:
        raise CheckError(
            f"{off_s:.0f} s apart from the database's: run a time daemon on both machines"
        )
    return "agrees with the database's"


async def redis(settings: Settings) -> Finding:
    if not _is_named(settings):
        return Finding("redis", None, _MISSING)
    try:
        async with _redis_client(settings) as client:
            await client.ping()
            started_s = time.perf_counter()
            await check_usable(client)
            took_ms = (time.perf_counter() - started_s) * 1000
    except (RedisError, OSError) as error:
        if settings.redis_url.get_secret_value():
            return Finding("redis", False, WORDS[fault_of(error)])
        return Finding("redis", None, _MISSING)
    return Finding("redis", True, f"responds in {took_ms:.1f} ms, and accepts writes")


async def redis_room(settings: Settings) -> str:
    async with _redis(settings) as client:
        return _room(await client.info("memory"))


async def redis_clock(settings: Settings) -> str:
    """Report whether Redis's clock agrees with this machine's, because rate limits depend on it."""
    async with _redis(settings) as client:
        seconds, micros = await client.time()
    off_s = abs(seconds * SECOND_US + micros - SystemClock().now_us()) / SECOND_US
    if off_s > OFF_S_MAX:
        raise CheckWarning(
            f"{off_s:.0f} s apart from this machine's: run a time daemon on both machines"
        )
    return "agrees with this machine's"


async def workers(settings: Settings) -> Finding:
    """Count the workers listening on Redis. A stopped worker is counted until its connection ends.

    Without Redis, count the workers' rows in the database.
    """
    try:
        async with _redis(settings) as client:
            [(_, listening)] = await client.pubsub_numsub(wake_channel(QUEUE_NAME))
    except CheckWarning:
        return await _noted_workers(settings)
    if not listening:
        return Finding("workers", None, "no worker listens on Redis. Does `topup worker` run?")
    return Finding("workers", True, f"{listening} listen on Redis")


async def _noted_workers(settings: Settings) -> Finding:
    now_us = SystemClock().now_us()
    try:
        async with asyncio.timeout(ASK_S_MAX), open_store(settings) as database:
            noted = await database.read(list_workers)
    except (StoreError, SchemaOutOfRange, TimeoutError, OSError):
        return Finding("workers", None, "cannot be counted without Redis and the database")
    alive = sum(one.is_alive(now_us) for one in noted)
    if not alive:
        return Finding(
            "workers", None, "no worker has reported in the last 90 s. Does `topup worker` run?"
        )
    return Finding("workers", True, f"{alive} have reported in the database")


def _room(memory: dict[str, Any]) -> str:
    used, most = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
    policy = memory.get("maxmemory_policy", "noeviction")
    if not most:
        return f"{_mib(used)} MiB are used, without a limit"
    percent = used * 100 // most
    detail = f"{_mib(used)} of {_mib(most)} MiB are used ({policy})"
    if percent >= FULL_PERCENT and policy == "noeviction":
        raise CheckWarning(
            f"{detail}: when it is full Redis refuses writes. Raise `maxmemory`, or set"
            " `maxmemory-policy volatile-lru`"
        )
    return detail


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.1f}"


def _is_named(settings: Settings) -> bool:
    """Return whether there is a Redis to check. This doesn't create the folder of an embedded Redis."""
    return bool(settings.redis_url.get_secret_value()) or settings.data_dir.is_dir()


@contextlib.asynccontextmanager
async def _redis(settings: Settings) -> AsyncIterator[Redis]:
    """Yield a client. If Redis doesn't respond, raise CheckWarning. The check `redis` reports the reason."""
    if not _is_named(settings):
        raise CheckWarning(_UNSEEN)
    try:
        async with _redis_client(settings) as client:
            yield client
    except (RedisError, OSError):
        raise CheckWarning(_UNSEEN) from None


@contextlib.asynccontextmanager
async def _redis_client(settings: Settings) -> AsyncIterator[Redis]:
    client = Redis(connection_pool=connection_pool(redis_url(settings)))
    try:
        async with asyncio.timeout(ASK_S_MAX):
            yield client
    finally:
        await close_pool(client.connection_pool)


class _Seen(msgspec.Struct, frozen=True):
    """The response of /healthz/caller. gateway/http/auth.py defines its values."""

    scheme: str
    host: str
    proxy: str
    address: str


async def outside(settings: Settings) -> list[Finding]:
    url = settings.public_url
    if not url:
        return [_not_set(settings)]
    try:
        async with _client(url) as client:
            seen = await _seen(client, url)
            claimed = await _seen(client, url, {"X-Forwarded-For": CLAIMED})
            proxy = _proxy(url, seen, believes_all=claimed.address == "example")
            return [_address(url, seen), proxy, await _metrics(client, url, seen)]
    except CheckWarning as error:
        return [Finding("address", None, str(error))]
    except CheckError as error:
        return [Finding("address", False, str(error))]


def _not_set(settings: Settings) -> Finding:
    if settings.is_loopback:
        detail = "TOPUP_PUBLIC_URL is not set: this machine alone is served"
        return Finding("address", True, detail)
    detail = (
        "TOPUP_PUBLIC_URL is not set: `topup serve` does not start; set it to https://your.name"
    )
    return Finding("address", False, detail)


def _client(url: str) -> httpx.AsyncClient:
    """Return a client that uses no proxy. It trusts the certificates in SSL_CERT_FILE, or else those that this machine
    trusts.
    """
    return httpx.AsyncClient(
        base_url=url,
        verify=ssl.create_default_context(),
        trust_env=False,
        timeout=ASK_S_MAX,
    )


async def _seen(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str] = NO_HEADERS
) -> _Seen:
    status, body = await _fetch(client, url, "/healthz/caller", headers)
    if status in _GATEWAY_AWAY:
        raise CheckError(
            f"{url}: the proxy there reaches no gateway (status {status}). Does `topup serve` run,"
            " and does the proxy name its address and port?"
        )
    try:
        if status == HTTPStatus.OK:
            return msgspec.json.decode(body, type=_Seen)
    except (msgspec.MsgspecError, RecursionError):
        pass
    raise CheckError(
        f"{url}: the response isn't that of a gateway of this version (status {status} for"
        " /healthz/caller). Check TOPUP_PUBLIC_URL, and where the proxy sends that path"
    )


async def _fetch(
    client: httpx.AsyncClient, url: str, path: str, headers: Mapping[str, str] = NO_HEADERS
) -> tuple[int, bytes]:
    try:
        # httpx's timeout applies to each read. A response that arrives one byte at a time would never time out.
        async with (
            asyncio.timeout(ASK_S_MAX),
            client.stream("GET", path, headers=headers) as answer,
        ):
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _BODY_BYTES_MAX:
                    break
            return answer.status_code, body[:_BODY_BYTES_MAX]
    except (httpx.HTTPError, TimeoutError) as error:
        refused = _tls_fault(error)
        if refused is not None:
            raise CheckError(
                f"{url}: its certificate isn't trusted here ({refused}). Clients see the same,"
                " unless they know the authority that signed it"
            ) from None
        raise CheckWarning(
            f"{url} does not answer this machine ({type(error).__name__}). If that is so from"
            f" elsewhere too, check the name, the firewall and the proxy: curl {url}/healthz"
        ) from None


def _tls_fault(error: BaseException) -> str | None:
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return found.verify_message
        if isinstance(found, ssl.SSLError):
            return found.reason or "no TLS there"
        found = found.__cause__ or found.__context__
    return None


def _address(url: str, seen: _Seen) -> Finding:
    if not url.startswith("https://") and not names_this_machine(url):
        detail = f"{url} is without TLS: keys and passwords can be read on the way"
        return Finding(
            "address", False, f"{detail}. Put a proxy with TLS in front (docs/deploy.md)"
        )
    if seen.host != "public":
        detail = (
            f"{url} answers, but the proxy changes the Host: links and sign-in will fail. Have it"
            " pass on the client's own: in nginx `proxy_set_header Host $host;`"
        )
        return Finding("address", False, detail)
    return Finding("address", True, f"{url} leads here")


def _proxy(url: str, seen: _Seen, *, believes_all: bool) -> Finding:
    if believes_all:
        detail = (
            "passes on the X-Forwarded-For that a client claims: anybody chooses the address that"
            " limits and allow-lists see. Have it write its own:"
            " `proxy_set_header X-Forwarded-For $remote_addr;` in nginx"
        )
        return Finding("proxy", False, detail)
    if seen.proxy == "none" and names_this_machine(url):
        return Finding("proxy", True, "there is no proxy, and none is trusted")
    if seen.proxy != "trusted":
        detail = (
            "is not believed, or says nothing of its callers: all of them share one address, so"
            " limits on strangers (such as 5 sandboxes an hour) are for the whole world together,"
            " and IP allow-lists fail. Have it write X-Forwarded-For, and put its own address into"
            " TOPUP_TRUSTED_PROXIES"
        )
        return Finding("proxy", False, detail)
    scheme = urlsplit(url).scheme
    if seen.scheme not in (scheme, "unknown"):
        detail = f"says {seen.scheme} where TOPUP_PUBLIC_URL says {scheme}: one of them is wrong"
        return Finding("proxy", False, detail)
    if seen.address == "private":
        detail = (
            "is believed, and saw this caller at a private address: well if this machine is on that"
            " network; else a further proxy in between is missing in TOPUP_TRUSTED_PROXIES"
        )
        return Finding("proxy", True, detail)
    return Finding("proxy", True, "is trusted, and says who calls")


async def _metrics(client: httpx.AsyncClient, url: str, seen: _Seen) -> Finding:
    try:
        status, _ = await _fetch(client, url, "/metrics")
    except (CheckWarning, CheckError) as error:
        return Finding("metrics", None, str(error))
    if status != HTTPStatus.OK:
        return Finding("metrics", True, f"are not shown at {url}")
    if names_this_machine(url):
        return Finding("metrics", True, "are shown to this machine")
    advice = "refuse that path in the proxy (docs/proxies.md), and see TOPUP_METRICS_CIDRS"
    if seen.proxy == "trusted" and seen.address == "private":
        # TOPUP_METRICS_CIDRS may allow this machine's address, but still exclude strangers.
        detail = f"{url}/metrics is shown to this machine, through the proxy: better {advice}"
        return Finding("metrics", None, detail)
    return Finding("metrics", False, f"{url}/metrics is open to strangers: {advice}")
