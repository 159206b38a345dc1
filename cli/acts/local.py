"""Run an act in this process, on this installation's database, as its operator.

Only the database and what the act needs are opened. Idempotency keys aren't used, and the request isn't logged.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click
import msgspec

from billing.catalog.product_fields import ProductFields
from billing.fulfilment.kinds import SupplierKinds
from billing.providers.registry import NotifiedAt, Providers
from billing.topups.mail import MailRules
from cli.database import read
from cli.options import actor_name
from cli.output import run
from gateway.http.fields import Shape, cursor_after, place_of, shape_of
from kernel.clock import SystemClock
from kernel.errors import NotFound
from kernel.shaped import to_builtins
from kernel.tenant import Tenant
from keys.account import account_named, first_account, lock_tenants, tenants_of
from keys.act import (
    Act,
    ActContext,
    AloneAct,
    AnyAct,
    AnyChange,
    AnyRead,
    ApiAct,
    CallContext,
    ChangingAct,
    InProcess,
    ListAct,
    PublicUrl,
    ReadAct,
    ReportAct,
    Services,
)
from keys.api_keys.acts import KnownPlatforms
from keys.vault import Vault
from runtime.acts import run_act, run_alone
from runtime.installation import (
    first_platforms,
    known_secret_key,
    mail_rules,
    open_store,
    open_vault,
    redis_url,
)
from runtime.redis_link import Queue, RedisLink
from runtime.settings import Settings, load_settings
from store.database import Database, Transaction
from store.keyset import end_of
from webhooks.delivery_log.acts import Senders

if TYPE_CHECKING:
    from runtime.context import Context

S = TypeVar("S")
T = TypeVar("T")
_NOTHING: Final[Mapping[str, Any]] = {}


class Parts:
    def __init__(self) -> None:
        self._opened: dict[type, Any] = {}

    def __call__(self, kind: type[S], /) -> S:
        if kind not in self._opened:
            self._opened[kind] = _OPENED[kind]()
        return cast(S, self._opened[kind])


class Local:
    """Run acts in this process as the operator `by`. If `by` is None, the user of this machine is the operator."""

    live_url = ""

    def __init__(self, object_id: str, account: str, environment: str, by: str | None) -> None:
        self._object_id = object_id
        self._account = account
        self._environment = environment
        self._by = by

    def list(
        self, act: ListAct[Any, Any] | ReportAct[Any, Any], query: Mapping[str, Any]
    ) -> tuple[Sequence[Any], str | None]:
        asked: Any = _shape(act.query).decode(msgspec.json.encode(query), None)
        if isinstance(act, ReportAct):
            return run(self._report(act, asked)), None
        begin = place_of(asked.cursor, act.prefix, act.sorts) if act.prefix else asked.cursor
        limit = asked.limit if act.own_cursors else asked.limit + 1

        async def rows(context: ActContext) -> Sequence[Any]:
            return await act.run(context, asked, begin, limit)

        found = run(read(self._reading(act, rows)))
        views: list[dict[str, Any]] = [to_builtins(act.show(row)) for row in found]
        end = end_of(found)
        if not act.prefix:
            return views, end
        if len(views) > asked.limit:
            end = found[asked.limit - 1].id
        return views[: asked.limit], None if end is None else cursor_after(begin, end)

    def show(self, act: AnyRead, query: Mapping[str, Any] = _NOTHING) -> Mapping[str, Any]:
        assert isinstance(act, ReadAct), "what the API reads itself goes over HTTP"
        asked = _shape(act.query).decode(msgspec.json.encode(query), None)

        assert act.prepare is None, "what merchants read at providers goes over HTTP"

        async def shown(context: ActContext) -> Mapping[str, Any]:
            return _fields(act.show(await act.read(context, asked)), context.tenant)

        return run(read(self._reading(act, shown)))

    def change(self, act: AnyChange, body: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = _shape(act.input).decode(msgspec.json.encode(body), None)
        if isinstance(act, Act):
            return run(_writing(lambda database: self._in_one(act, asked, database)))
        assert not isinstance(act, ApiAct), "what the API runs itself goes over HTTP"
        from cli.opened import opened  # noqa: PLC0415 what one transaction does needs no more than a store

        return opened(lambda context: self._alone(act, context, asked))

    async def _report(self, act: ReportAct[Any, Any], asked: Any) -> Sequence[Any]:
        async with open_store(load_settings()) as database:
            tenant = await database.read(lambda tx: self._tenant(act, tx))
            call = CallContext(tenant=tenant, **self._caller(Parts(), SystemClock().now_us()))
            found = await act.run(call, asked, database.unhurried())
        return [to_builtins(act.show(one)) for one in found]

    async def _alone(self, act: AloneAct, context: "Context", asked: Any) -> Mapping[str, Any]:
        tenant = await context.database.read(lambda tx: self._tenant(act, tx))
        call = CallContext(tenant=tenant, **self._caller(context.part, context.clock.now_us()))
        return _fields(act.show(await run_alone(act, call, asked)), tenant)

    async def _in_one(
        self, act: Act[Any, Any], asked: Any, database: Database
    ) -> Mapping[str, Any]:
        prepared: Any = None
        if act.prepare is not None:
            owner = await database.read(lambda tx: self._tenant(act, tx))
            call = CallContext(tenant=owner, **self._caller(Parts(), SystemClock().now_us()))
            prepared = await act.prepare(call, asked, database)

        async def work(tx: Transaction) -> Mapping[str, Any]:
            tenant = await self._tenant(act, tx)
            if owners := tenants_of(tenant):
                await lock_tenants(tx, owners)
            change = await run_act(act, self._context(tx, tenant, prepared), asked)
            return {**_fields(act.show(change.after), tenant), **change.shown_once}

        return await database.transaction(work)

    def _reading(
        self, act: AnyAct, work: Callable[[ActContext], Awaitable[T]]
    ) -> Callable[[Transaction], Awaitable[T]]:
        async def reading(tx: Transaction) -> T:
            return await work(self._context(tx, await self._tenant(act, tx)))

        return reading

    async def _tenant(self, act: AnyAct, tx: Transaction) -> Tenant:
        environment = "" if act.is_account_wide else self._environment
        if act.is_catalogue:
            return Tenant("", environment)
        if act.owner_of is not None:
            return await act.owner_of(tx, self._object_id)
        if named := self._object_id if act.names_account else self._account:
            return Tenant((await account_named(tx, named)).id, environment)
        if isinstance(act, ChangingAct):
            raise click.UsageError("Give --account with an ID or an email address.")
        found = await first_account(tx)
        if found is None:
            raise NotFound("Account")
        return Tenant(found.id, environment)

    def _context(self, tx: Transaction, tenant: Tenant, prepared: Any = None) -> ActContext:
        caller = self._caller(Parts(), SystemClock().now_us())
        return ActContext(tx=tx, tenant=tenant, prepared=prepared, **caller)

    def _caller(self, service: Services, now_us: int) -> dict[str, Any]:
        return {
            "asker": None,
            "origin": InProcess(),
            "now_us": now_us,
            "service": service,
            "person": actor_name(self._by),
            "object_id": self._object_id,
        }


async def _writing(work: Callable[[Database], Awaitable[T]]) -> T:
    settings, hints = load_settings(), set[str]()
    async with open_store(settings, on_hint=hints.add) as database:
        done = await work(database)
        if hints:
            link = RedisLink(redis_url(settings))
            queue = Queue(link, SystemClock(), otherwise=database.send_hints)
            for hint in hints:
                queue.wake_soon(hint)
            await queue.aclose()
            await link.aclose()
    return done


def _shape(struct: Any) -> Shape[Any]:
    return shape_of(struct)


def _fields(view: Any, tenant: Tenant) -> Mapping[str, Any]:
    fields = to_builtins(view)
    is_said = tenant.account_id in ("", fields.get("id"))
    return fields if is_said else {**fields, "account_id": tenant.account_id}


def _platforms() -> KnownPlatforms:
    from billing.topups.platform import BUILT_IN  # noqa: PLC0415 few acts name platforms
    from billing.topups.platform_rows import known_ids  # noqa: PLC0415 as above

    async def ids(tx: Transaction, environment: str) -> Collection[str]:
        # An installation that was never started has no platforms yet. These will be its first ones.
        first = [one.id for one in BUILT_IN] + [one.id for one in load_settings().platforms]
        return await known_ids(tx, environment) or first

    return KnownPlatforms(ids)


def _master() -> Vault:
    return open_vault(known_secret_key(load_settings()))


def _kinds() -> SupplierKinds:
    return SupplierKinds(_master, lambda: first_platforms(load_settings()))


def _providers() -> Providers:
    """Return the configured providers. They are shown but never called."""
    import httpx  # noqa: PLC0415 as above

    setup = load_settings().providers
    return Providers(
        setup.registrations,
        setup.settings,
        simulated_secrets=dict.fromkeys(setup.registrations, "0" * 64),
        client=httpx.AsyncClient(),
        clock=SystemClock(),
    )


def _senders() -> Senders:
    from billing.topups.queries import sender_keys  # noqa: PLC0415 as above

    return Senders(sender_keys)


_OPENED: Final[Mapping[type, Callable[[], Any]]] = {
    KnownPlatforms: _platforms,
    ProductFields: lambda: ProductFields.of(load_settings().providers.registrations.values()),
    Senders: _senders,
    MailRules: lambda: mail_rules(load_settings()),
    NotifiedAt: lambda: NotifiedAt(load_settings().public_url),
    Providers: _providers,
    PublicUrl: lambda: PublicUrl(load_settings().address()),
    Settings: load_settings,
    SupplierKinds: _kinds,
    Vault: _master,
}
