"""Open all parts of a gateway or worker, and close them in reverse order."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final, TypeVar, cast

import httpx

from billing.bulk.runner import BatchRunner
from billing.catalog.product_fields import ProductFields
from billing.credits.redemption_code import DATA_KEY as REDEMPTION_KEY, RedemptionCodes
from billing.credits.sandbox_acts import Samples
from billing.engine.batch_state import Rules
from billing.engine.engine import Engine
from billing.fulfilment.kinds import SupplierKinds
from billing.fulfilment.opening import enter_first
from billing.fulfilment.options import DATA_KEY as SUPPLIER_KEY
from billing.fulfilment.protocol import OptionsRefused
from billing.fulfilment.registry import discover
from billing.fulfilment.suppliers import Suppliers
from billing.machine_payments.payment import drop_private
from billing.machine_payments.settling import MachinePayments
from billing.orders.views import OrderLinks
from billing.payments.payments import Payments
from billing.payments.recharging.saving import Savings
from billing.providers.registry import NotifiedAt, Providers
from billing.recipients.mail_acts import ROWS_PER_STEP, FurtherSteps
from billing.reconciliation.daily import DailyReconciliation
from billing.refunds.refunder import Refunder
from billing.team.acts import MAILS_TO_ADDRESS_PER_DAY, InvitationMails
from billing.team.ending import Ending
from billing.topups.mail import MailRules
from billing.topups.platform import PlatformBook
from billing.topups.platform_rows import known_ids
from billing.topups.queries import sender_keys
from billing.topups.rules import VOUCHER_KEY, LinkTokens, TopUpRules, VoucherCodes, events_shown
from billing.usage.price_rows import PriceBook
from kernel.clock import Clock
from keys.act import PublicUrl
from keys.api_keys.acts import KnownPlatforms
from keys.authenticator import Authenticator
from keys.authorization.token import TokenMaker
from keys.sign_in.password import Passwords
from keys.staging_quota import StagingRoom
from keys.vault import SealBroken, Vault
from runtime.agents import Agents
from runtime.client_documents import ClientDocuments, McpSignIn
from runtime.database_clock import open_clock
from runtime.installation import (
    first_platforms,
    mail_rules,
    open_store,
    open_vault,
    redis_url,
    warn_of_changes,
)
from runtime.limiter import Limiter
from runtime.metrics import Metrics
from runtime.payments import open_machine_payments, open_providers
from runtime.printing import Printer
from runtime.processes.siblings import Siblings
from runtime.redis_link import WORDS, Queue, RedisFault, RedisLink, RedisState
from runtime.request_log import rows as request_rows
from runtime.request_log.recorder import RequestLog
from runtime.settings import Settings, SettingsError
from runtime.traces.open import open_tracing
from runtime.traces.tracing import Tracing
from runtime.wake_pipe import WakePipe
from runtime.watch import (
    ending_stalled,
    watching_open_files,
    watching_servers,
    watching_staging_room,
)
from store import batch
from store.database import Database, OnHint, Store, Transaction
from webhooks.delivery_log.acts import Senders
from webhooks.endpoints.ping import Sender
from webhooks.endpoints.probe import Probes
from webhooks.events.acts import SeenCodes
from webhooks.events.event import HINT as EVENTS_HINT
from webhooks.events.feed import Feed, Waits
from webhooks.http.guard import Policy, UrlRefused, check_url
from webhooks.http.httpx_transport import GuardedTransport
from webhooks.http.names import (
    OPERATOR_FAILURE_WAIT_S_MAX,
    OwnAddress,
    Resolver,
    SystemResolver,
    VettedNames,
)
from webhooks.http.transport import Transport

S = TypeVar("S")
# The engine's lanes and credential look-ups have their own connections, so that no page's query delays a send.
ENGINE_CONNECTIONS = batch.LANES_MAX + batch.TRIES_AT_ONCE_MAX
AUTHENTICATION_CONNECTIONS = 1
READINESS_CONNECTIONS = 1
HEARING_CONNECTIONS = 1


async def open_data_keys(database: Database, vault: Vault, clock: Clock) -> list[bytes]:
    names = (VOUCHER_KEY, REDEMPTION_KEY, SUPPLIER_KEY)

    async def work(tx: Transaction) -> list[bytes]:
        return [await vault.data_key(tx, name, now_us=clock.now_us()) for name in names]

    try:
        return await database.transaction(work)
    except SealBroken:
        raise SettingsError(
            "TOPUP_SECRET_KEY does not open what this database holds sealed: give the key that it"
            " was started with, or `new,old` to rotate"
        ) from None


class Hints:
    """Notify this process's listeners that a commit left work for a worker. See Transaction.hint."""

    def __init__(self) -> None:
        self._listeners: list[OnHint] = []

    def listen(self, listener: OnHint) -> None:
        self._listeners.append(listener)

    def __call__(self, name: str) -> None:
        for listener in self._listeners:
            listener(name)


@dataclass(frozen=True, slots=True)
class Context:
    settings: Settings
    clock: Clock
    metrics: Metrics
    hints: Hints
    database: Store
    vault: Vault
    mcp_sign_in: McpSignIn
    agents: Agents
    authenticator: Authenticator
    passwords: Passwords
    limiter: Limiter
    redis: RedisLink
    queue: Queue | WakePipe
    policy: Policy
    transport: Transport
    suppliers: Suppliers
    redemption_codes: RedemptionCodes
    topup_rules: TopUpRules
    engine: Engine
    payments: Payments
    machine_payments: MachinePayments
    waits: Waits
    printer: Printer
    request_log: RequestLog
    staging_room: StagingRoom
    tracing: Tracing | None = None
    siblings: Siblings | None = None

    def beside(self, siblings: Siblings | None) -> "Context":
        return replace(self, siblings=siblings)

    @property
    def feed(self) -> Feed:
        return self.waits.feed

    def part(self, kind: type[S], /) -> S:
        return cast(S, _PARTS[kind](self))

    @property
    def refunder(self) -> Refunder:
        return Refunder(self.database, self.clock, self.engine, self.payments.providers)


async def _may_mail(limiter: Limiter, email: str) -> bool:
    key = f"invitation_mails:{sha256(email.encode()).hexdigest()}"
    return (
        await limiter.take(key, MAILS_TO_ADDRESS_PER_DAY / 86_400, MAILS_TO_ADDRESS_PER_DAY)
    ).allowed


_PARTS: Final[Mapping[type, Callable[[Context], Any]]] = {
    BatchRunner: lambda context: BatchRunner(context.database, context.clock, context.engine),
    DailyReconciliation: lambda context: DailyReconciliation(
        context.database, context.clock, context.payments, context.suppliers
    ),
    Database: attrgetter("database"),
    Ending: lambda context: Ending(context.database, context.clock, context.engine, context.vault),
    Engine: attrgetter("engine"),
    FurtherSteps: lambda _: FurtherSteps(
        partial(drop_private, limit=ROWS_PER_STEP), request_rows.erase_step
    ),
    InvitationMails: lambda context: InvitationMails(partial(_may_mail, context.limiter)),
    KnownPlatforms: lambda _: KnownPlatforms(known_ids),
    MachinePayments: attrgetter("machine_payments"),
    MailRules: lambda context: context.topup_rules.mail,
    NotifiedAt: lambda context: NotifiedAt(context.settings.public_url),
    OrderLinks: lambda context: context.payments.links,
    Passwords: attrgetter("passwords"),
    Payments: attrgetter("payments"),
    Policy: attrgetter("policy"),
    ProductFields: lambda context: ProductFields.of(context.payments.providers.registrations),
    Providers: lambda context: context.payments.providers,
    PublicUrl: lambda context: PublicUrl(context.topup_rules.public_url),
    RedemptionCodes: attrgetter("redemption_codes"),
    Refunder: attrgetter("refunder"),
    Savings: lambda context: context.payments.savings,
    SeenCodes: lambda context: SeenCodes(partial(events_shown, context.topup_rules.codes)),
    Samples: lambda context: Samples(context.suppliers.sample),
    Senders: lambda _: Senders(sender_keys),
    Probes: lambda context: Probes(context.settings.webhook_probe),
    Sender: lambda context: Sender(
        context.database,
        context.vault,
        context.transport,
        context.clock,
        context.policy,
        context.settings.webhook_timeout_s,
    ),
    Settings: attrgetter("settings"),
    SupplierKinds: lambda context: SupplierKinds(
        lambda: context.vault, lambda: first_platforms(context.settings)
    ),
    Suppliers: attrgetter("suppliers"),
    TopUpRules: attrgetter("topup_rules"),
    Vault: attrgetter("vault"),
}


@contextlib.asynccontextmanager
async def open_context(
    settings: Settings,
    *,
    clock: Clock | None = None,
    wake_fd: int | None = None,
    is_process: bool = False,
) -> AsyncIterator[Context]:
    """Open every part. At the end, drain the engine first and close the database last.

    `wake_fd` is the write end of the pipe that replaces Redis. `is_process` means a gateway or worker. It
    logs tables that an operator changed, and sends trace spans.
    """
    metrics, hints, vault = Metrics(), Hints(), open_vault(settings.secret_key.get_secret_value())
    is_traced = is_process and settings.tracing
    async with open_tracing(metrics, is_on=is_traced) as tracing, AsyncExitStack() as stack:
        store = _open_database(settings, hints, metrics, is_process=is_process)
        database = await stack.enter_async_context(store)
        clock = await stack.enter_async_context(open_clock(database, clock, metrics))
        voucher_key, redemption_key, supplier_key = await open_data_keys(database, vault, clock)
        to_redis = _open_queue(settings, metrics, database, clock, wake_fd)
        link, queue = await stack.enter_async_context(to_redis)
        room = await _watch(settings, database, link, metrics, stack)
        waits = _waits(database, hints, queue, stack)
        policy, resolver, operators = webhook_policy(settings), _resolver(stack), _resolver(stack)
        transport = _transport(settings, policy, resolver, operators, clock, stack)
        supplying = _open_suppliers(settings, database, Vault([supplier_key]), operators, clock)
        suppliers = await stack.enter_async_context(supplying)
        opened = open_providers(settings, database, vault, operators, clock, metrics)
        providers = await stack.enter_async_context(opened)
        rules = _topup_rules(settings, suppliers.book, voucher_key)
        engine = _engine(database, clock, _rules(settings, rules), metrics, tracing, stack)
        paying = (settings, vault, operators, engine, providers, redemption_key, metrics)
        yield Context(
            settings=settings,
            clock=clock,
            metrics=metrics,
            hints=hints,
            database=database,
            vault=vault,
            mcp_sign_in=McpSignIn(TokenMaker(voucher_key), ClientDocuments(transport, clock)),
            agents=_agents(transport, database, clock, stack),
            authenticator=_authenticator(database, clock, stack),
            passwords=Passwords(),
            limiter=Limiter(link),
            redis=link,
            queue=queue,
            policy=policy,
            transport=transport,
            suppliers=suppliers,
            redemption_codes=RedemptionCodes(redemption_key),
            topup_rules=rules,
            engine=engine,
            payments=Payments(database, clock, engine, providers, _links(settings, rules)),
            machine_payments=await stack.enter_async_context(open_machine_payments(*paying)),
            waits=waits,
            printer=_printer(settings, providers, stack),
            request_log=_request_log(settings, database, metrics, stack),
            staging_room=room,
            tracing=tracing,
        )


async def _watch(
    settings: Settings, database: Store, link: RedisLink, metrics: Metrics, stack: AsyncExitStack
) -> StagingRoom:
    await stack.enter_async_context(watching_servers(database, link, metrics))
    return await stack.enter_async_context(watching_staging_room(settings, database, metrics))


def _transport(
    settings: Settings,
    policy: Policy,
    resolver: Resolver,
    operators: Resolver,
    clock: Clock,
    stack: AsyncExitStack,
) -> Transport:
    made = Transport(policy, resolver, clock, own=own_place(settings, operators))
    stack.push_async_callback(made.close)
    return made


def _resolver(stack: AsyncExitStack) -> SystemResolver:
    return stack.enter_context(contextlib.closing(SystemResolver()))


def _waits(database: Store, hints: Hints, queue: Queue | WakePipe, stack: AsyncExitStack) -> Waits:
    hints.listen(lambda name: None if name == EVENTS_HINT else queue.wake_soon(name))
    waits = Waits(database, Feed(database))
    hints.listen(waits.feed.on_hint)
    stack.push_async_callback(waits.aclose)
    return waits


def _agents(
    transport: Transport, database: Database, clock: Clock, stack: AsyncExitStack
) -> Agents:
    agents = Agents(transport, database, clock)
    stack.push_async_callback(agents.close)
    return agents


def _authenticator(database: Store, clock: Clock, stack: AsyncExitStack) -> Authenticator:
    made = Authenticator(database.reserve(AUTHENTICATION_CONNECTIONS), clock)
    stack.push_async_callback(made.close)
    return made


def _printer(settings: Settings, providers: Providers, stack: AsyncExitStack) -> Printer:
    made = Printer(settings.seller_font, label=providers.label)
    return stack.enter_context(contextlib.closing(made))


def _request_log(
    settings: Settings, database: Store, metrics: Metrics, stack: AsyncExitStack
) -> RequestLog:
    is_on = settings.retention_requests_days > 0
    made = RequestLog(database, metrics.requests_not_kept, is_on=is_on)
    stack.push_async_callback(made.flush)
    return made


def connections_of_a_process(settings: Settings) -> int:
    """Return how many database connections a process opens at most. Only a worker with a port opens all of them."""
    reserved = (
        ENGINE_CONNECTIONS
        + AUTHENTICATION_CONNECTIONS
        + READINESS_CONNECTIONS
        + HEARING_CONNECTIONS
    )
    return 2 * settings.database_connections + reserved


@contextlib.asynccontextmanager
async def _open_database(
    settings: Settings, hints: Hints, metrics: Metrics, *, is_process: bool
) -> AsyncIterator[Store]:
    async with (
        watching_open_files(metrics),
        open_store(settings, on_hint=hints, is_recorded=True) as database,
        ending_stalled(database),
    ):
        if is_process:
            await warn_of_changes(database)
        yield database


def _engine(
    database: Store,
    clock: Clock,
    rules: Rules,
    metrics: Metrics,
    tracing: Tracing | None,
    stack: AsyncExitStack,
) -> Engine:
    connections = database.reserve(ENGINE_CONNECTIONS)
    made = Engine(
        database,
        clock,
        rules,
        connections=connections,
        on_batch=_observer(metrics, "till"),
        on_kept=lambda seconds: metrics.batch_seconds.observe(seconds, "till"),
        on_timed=None if tracing is None else tracing.note_batch,
    )
    stack.push_async_callback(made.close)
    return made


def _topup_rules(settings: Settings, book: PlatformBook, voucher_key: bytes) -> TopUpRules:
    codes, links = VoucherCodes(voucher_key), LinkTokens(voucher_key)
    return TopUpRules(book, codes, links, settings.address(), mail_rules(settings), settings.brand)


def _links(settings: Settings, topup_rules: TopUpRules) -> OrderLinks:
    return OrderLinks(topup_rules.links, settings.address())


def _rules(settings: Settings, topups: TopUpRules) -> Rules:
    code_of = topups.codes.code_of
    return Rules(
        topups,
        PriceBook(),
        code_of=code_of,
        claim_token_of=topups.claim_token_of,
        is_promo_sendable=settings.promo_sendable,
    )


@contextlib.asynccontextmanager
async def _open_queue(
    settings: Settings, metrics: Metrics, database: Store, clock: Clock, wake_fd: int | None
) -> AsyncIterator[tuple[RedisLink, Queue | WakePipe]]:
    link = RedisLink(redis_url(settings), state=RedisState(metrics))
    try:
        if wake_fd is not None:
            yield link, WakePipe(wake_fd)
            return
        if await link.find_fault() is RedisFault.CLUSTER:
            raise SettingsError(f"TOPUP_REDIS_URL: Redis {WORDS[RedisFault.CLUSTER]}")
        async with contextlib.aclosing(Queue(link, clock, otherwise=database.send_hints)) as queue:
            yield link, queue
    finally:
        await link.aclose()


@contextlib.asynccontextmanager
async def _open_suppliers(
    settings: Settings, database: Database, vault: Vault, resolver: Resolver, clock: Clock
) -> AsyncIterator[Suppliers]:
    transport = Transport(
        Policy.of_operator(), resolver, clock, failure_wait_s_max=OPERATOR_FAILURE_WAIT_S_MAX
    )
    guarded = GuardedTransport(transport)
    registrations = discover()
    first = first_platforms(settings)

    async def enter(tx: Transaction) -> bool:
        return await enter_first(tx, first, registrations, vault, now_us=clock.now_us())

    try:
        await database.transaction(enter)
        async with httpx.AsyncClient(transport=guarded, trust_env=False) as client:
            suppliers = Suppliers(database, vault, registrations, client=client, clock=clock)
            await suppliers.refresh()
            keeping = asyncio.create_task(suppliers.keep_fresh())
            try:
                yield suppliers
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
    except OptionsRefused as error:
        raise SettingsError(f"TOPUP_PLATFORMS: {error}") from None
    finally:
        await transport.close()


def _observer(metrics: Metrics, batch: str) -> Callable[[int], None]:
    return metrics.batch_size.labels(batch).observe


def webhook_policy(settings: Settings) -> Policy:
    """Return the policy of the WEBHOOK_ALLOW_* settings. Each staging endpoint decides whether to use plain http."""
    return Policy.of(
        allow_private=settings.webhook_allow_private,
        allow_http=settings.webhook_allow_private,
        allow_cidrs=[str(network) for network in settings.webhook_allow_cidrs],
        allow_hosts=settings.webhook_allow_hosts,
        own_addresses=_own_addresses(settings.host),
    )


def own_place(settings: Settings, resolver: Resolver) -> OwnAddress:
    try:
        public = check_url(settings.public_url, Policy.of_operator())
    except UrlRefused:
        public = None
    names = VettedNames(resolver, failure_wait_s_max=OPERATOR_FAILURE_WAIT_S_MAX)
    worker_port = settings.worker_port or 0
    return OwnAddress(names, port=settings.port, worker_port=worker_port, public=public)


def _own_addresses(host: str) -> list[str]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return []
    return [] if address.is_unspecified else [host]
