"""Serve health checks and /metrics.

- /healthz: whether the process is alive
- /readyz: whether it can serve requests
- /healthz/deliveries: whether workers are claiming deliveries
- /healthz/caller: how a request arrived

If several processes share a port, each reports the metrics of all of them, and says which others are ready.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.answers import envelope
from gateway.api import gauges_of_database
from gateway.api.readiness import Readiness
from gateway.http import auth
from gateway.http.auth import check_presented, is_within, presented
from gateway.http.errors import refusal_of
from kernel.clock import SECOND_US
from kernel.errors import DomainError
from keys.principal import ADMIN, check_address, require_scope
from runtime.context import Context
from runtime.metrics import CONTENT_TYPE
from runtime.processes.siblings import Siblings, merged_figures
from store.errors import StoreError

_Answering = Callable[[Request], Awaitable[Response]]
Checks = Callable[[], Mapping[str, str]]
_NO_STORE = {"cache-control": "no-store"}


def no_checks() -> Mapping[str, str]:
    return {}


def stopping_check(is_stopping: Callable[[], bool]) -> Mapping[str, str]:
    return {"process": "stopping"} if is_stopping() else {}


def routes(context: Context, more_checks: Checks = no_checks) -> list[Route]:
    readiness = _readiness(context)
    return [
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/healthz/deliveries", _deliveries(readiness), methods=["GET"]),
        Route("/healthz/caller", _caller(context), methods=["GET"]),
        Route("/readyz", _readyz(context, readiness, more_checks), methods=["GET"]),
        Route("/metrics", _metrics(context, readiness, more_checks), methods=["GET"]),
    ]


def _readiness(context: Context) -> Readiness:
    attempt_us_max = round(context.settings.webhook_timeout_s * SECOND_US)
    return Readiness(context.database, context.engine, context.clock, attempt_us_max=attempt_us_max)


def worker_app(context: Context, checks: Checks) -> ASGIApp:
    return Starlette(routes=routes(context, checks))


def sibling_app(context: Context, more_checks: Checks = no_checks) -> ASGIApp:
    """Return the app that the supervisor and other processes on this port call over a private socket."""
    readiness = _readiness(context)
    figures = partial(_own_figures, context, readiness, more_checks)

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(await figures())

    async def readyz(_request: Request) -> Response:
        checks = {**await readiness.checks(), **more_checks()}
        return JSONResponse(None, 200 if _is_ready(checks) else 503)

    return Starlette(
        routes=[
            Route("/healthz", _healthz),
            Route("/metrics", metrics),
            Route("/readyz", readyz),
        ]
    )


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"status": "ok"}, headers=_NO_STORE)


def _deliveries(readiness: Readiness) -> _Answering:
    """Return 503 if no worker is claiming due deliveries, else 200. Use this for alerts, not for a load balancer."""

    async def deliveries(_request: Request) -> Response:
        body = await readiness.deliveries()
        return JSONResponse(body, 200 if body["state"] == "ok" else 503, headers=_NO_STORE)

    return deliveries


def _caller(context: Context) -> _Answering:
    async def seen(request: Request) -> Response:
        return auth.describe_request(request, context.settings)

    return seen


def _readyz(context: Context, readiness: Readiness, more_checks: Checks) -> _Answering:
    settings = context.settings
    exceptions = {
        "allow_cidrs": len(settings.webhook_allow_cidrs),
        "allow_hosts": len(settings.webhook_allow_hosts),
    }

    async def readyz(_request: Request) -> Response:
        checks = {**await readiness.checks(), **more_checks()}
        is_ready = _is_ready(checks)
        body = {
            "status": "ready" if is_ready else "unready",
            "checks": checks,
            **await _processes(context, is_ready=is_ready),
            "deliveries": await readiness.deliveries(),
            "webhooks": exceptions,
            "platforms": _platforms(context),
        }
        return JSONResponse(body, 200 if is_ready else 503, headers=_NO_STORE)

    return readyz


def _is_ready(checks: Mapping[str, str]) -> bool:
    return all(state == "ok" for state in checks.values())


async def _processes(context: Context, *, is_ready: bool) -> Mapping[str, Mapping[str, str]]:
    if context.siblings is None:
        return {}
    answers = await context.siblings.call_all("/readyz")
    states = {context.siblings.name: "ready" if is_ready else "unready"}
    for name, answer in answers.items():
        states[name] = "away" if answer is None else "ready" if answer.is_success else "unready"
    return {"processes": dict(sorted(states.items()))}


def _platforms(context: Context) -> dict[str, object]:
    missing = context.suppliers.book.of("live").without_supplier()
    return {"state": "no_supplier" if missing else "ok", "without_supplier": missing}


def _metrics(context: Context, readiness: Readiness, more_checks: Checks) -> _Answering:
    async def metrics(request: Request) -> Response:
        try:
            await _check_reader(context, request)
        except (DomainError, StoreError) as error:
            return envelope.response(refusal_of(error), context.clock.now_us())
        own = await _own_figures(context, readiness, more_checks)
        text = own if context.siblings is None else await _figures_of_all(context.siblings, own)
        return Response(text, headers={**_NO_STORE, "content-type": CONTENT_TYPE})

    return metrics


async def _own_figures(context: Context, readiness: Readiness, more_checks: Checks) -> str:
    await _read_gauges(context, readiness)
    for check, state in {**await readiness.checks(), **more_checks()}.items():
        context.metrics.ready.set(int(state == "ok"), check)
    return context.metrics.render().decode()


async def _figures_of_all(siblings: Siblings, own: str) -> str:
    texts: dict[str, str | None] = {siblings.name: own}
    for name, answer in (await siblings.call_all("/metrics")).items():
        texts[name] = answer.text if answer is not None and answer.is_success else None
    return merged_figures(dict(sorted(texts.items())))


async def _read_gauges(context: Context, readiness: Readiness) -> None:
    metrics = context.metrics
    metrics.statements.set(context.database.statements_run)
    waits, waited_s = context.database.pool_waits
    metrics.pool_waits.show(waits)
    metrics.pool_wait_seconds.show(waited_s)
    metrics.queue_depth.set(context.engine.depth)
    metrics.lock_timeouts.show(context.engine.lock_timeouts)
    metrics.redis_up.set(context.redis.is_up)
    await gauges_of_database.read(metrics, readiness)


async def _check_reader(context: Context, request: Request) -> None:
    settings, headers = context.settings, dict(request.scope["headers"])
    address = auth.address_of(request, settings.trusted_proxies)
    is_traced = auth.is_traced(request, settings.trusted_proxies)
    if is_traced and is_within(address, settings.metrics_cidrs):
        return
    token, is_cookie = presented(request.scope, headers, settings)
    principal = await context.authenticator.authenticate(token)
    check_presented(principal, is_cookie=is_cookie)
    check_address(principal, address)
    require_scope(principal, ADMIN)
