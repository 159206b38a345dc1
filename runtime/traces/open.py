"""Start OpenTelemetry tracing if it is enabled. Otherwise, don't import OpenTelemetry."""

import contextlib
import importlib.util
import os
from collections.abc import AsyncIterator

import dotenv

from runtime.metrics import Metrics
from runtime.settings import ENV_FILE, SettingsError
from runtime.traces.tracing import Tracing

SDK_PREFIX = "OTEL_"
# `pip install 'topup-gateway[tracing]'` installs these packages.
PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
MISSING = (
    "TOPUP_TRACING is on, but the packages of the extra `tracing` are not installed:"
    " pip install 'topup-gateway[tracing]', or switch it off"
)


def sdk_variables() -> dict[str, str]:
    """Return the OpenTelemetry SDK's variables. The environment takes precedence over `.env`."""
    given = {**dotenv.dotenv_values(ENV_FILE), **os.environ}
    return {name: value for name, value in given.items() if name.startswith(SDK_PREFIX) and value}


def is_installed() -> bool:
    try:
        return all(importlib.util.find_spec(name) is not None for name in PACKAGES)
    except ModuleNotFoundError:
        return False


@contextlib.asynccontextmanager
async def open_tracing(metrics: Metrics, *, is_on: bool) -> AsyncIterator[Tracing | None]:
    """Yield the Tracing object, or None if tracing is off. Raise SettingsError if a variable is wrong or the
    packages are missing.
    """
    if not is_on:
        yield None
        return
    if not is_installed():
        raise SettingsError(MISSING)
    # The SDK reads the environment only, not `.env`.
    os.environ.update(sdk_variables())
    from runtime.traces.spans import Spans  # noqa: PLC0415 where tracing is on: OpenTelemetry

    try:
        made = Spans(metrics.spans_dropped)
    except ValueError as error:
        raise SettingsError(f"OpenTelemetry's OTEL_… variables: {error}") from None
    try:
        yield made
    finally:
        await made.close()
