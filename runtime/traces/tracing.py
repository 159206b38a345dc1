"""Spans of what a process does, as the parts that make them know it; runtime/traces/spans.py sends them.

Promise: off, which is the default, nothing of OpenTelemetry is imported and `open_tracing` gives None, which
is all that a part tests for. What a span holds goes through `runtime.log.mask`, as a log line does.
"""

import contextlib
import importlib
import importlib.util
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol, cast

import dotenv

from billing.engine.timed_batch import BatchTimes
from kernel.trace import Span
from runtime.metrics import Metrics
from runtime.settings import ENV_FILE, SettingsError

# By name; None: there is no such value.
Attributes = Mapping[str, str | int | float | bool | None]
SDK_PREFIX = "OTEL_"
# What `pip install 'topup-gateway[tracing]'` brings.
PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
MISSING = (
    "TOPUP_TRACING is on, but the packages of the extra `tracing` are not installed:"
    " pip install 'topup-gateway[tracing]', or switch it off"
)


class Tracing(Protocol):
    """What takes spans; it waits for nobody and raises nothing."""

    def begin_request(self, line: str) -> Span | None:
        """The span of a request that came, in the trace that its line names, or in a new one; None: it is not
        sampled. Whoever begins it ends it.
        """
        ...

    def begin_call(self, line: str) -> Span | None:
        """The span of a request of ours to somebody, in the line's trace. None: there is none, or it is not
        sampled; no trace is begun.
        """
        ...

    def end(
        self,
        span: Span,
        name: str,
        attributes: Attributes,
        *,
        is_error: bool,
        duration_us: int | None = None,
    ) -> None:
        """duration_us: how long it took; None: until now."""
        ...

    def add_call(
        self, line: str, name: str, attributes: Attributes, *, is_error: bool, duration_us: int
    ) -> None:
        """A call as above that has just ended, and told nobody its span."""
        ...

    def note_batch(self, lines: Sequence[str | None], times: BatchTimes) -> None:
        """A batch was kept, with commands of these requests: a span that theirs are linked with."""
        ...


def sdk_variables() -> dict[str, str]:
    """Those of the SDK, as ours are read: the environment wins over `.env`."""
    given = {**dotenv.dotenv_values(ENV_FILE), **os.environ}
    return {name: value for name, value in given.items() if name.startswith(SDK_PREFIX) and value}


def is_installed() -> bool:
    """Whether the packages of the extra are there; their modules are not run."""
    try:
        return all(importlib.util.find_spec(name) is not None for name in PACKAGES)
    except ModuleNotFoundError:
        return False


@contextlib.asynccontextmanager
async def open_tracing(metrics: Metrics, *, is_on: bool) -> AsyncIterator[Tracing | None]:
    """None where it is off. Raises SettingsError where it cannot be as the variables say."""
    if not is_on:
        yield None
        return
    if not is_installed():
        raise SettingsError(MISSING)
    # The SDK looks at the environment alone.
    os.environ.update(sdk_variables())
    module = importlib.import_module("runtime.traces.spans")
    try:
        made = module.Spans(metrics.spans_dropped)
    except ValueError as error:
        raise SettingsError(f"OpenTelemetry's OTEL_… variables: {error}") from None
    try:
        yield cast(Tracing, made)
    finally:
        await made.close()
