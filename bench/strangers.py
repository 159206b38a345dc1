"""What a send feels of strangers: its time beside 32 connections at what is dearest without a credential.

A part of bench.isolation. One installation for each database; sends come one after the other on one connection, at
first alone, then beside each kind of stranger, then alone again. The strangers' client is a process of its own. It has a
core of its own on a machine of four cores or more; else the table says how much of a core the clients took.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from bench import report
from bench.loading import SEND_BODY, SEND_PATH, Load, Loader
from bench.scene import scene
from tests.support.installation import API, Installation

CONNECTIONS: Final = 32
PROMISED: Final = 3.0
CORES_MIN: Final = 4
_BROWSER: Final = ("Accept: text/html", "Accept-Encoding: gzip")


@dataclass(frozen=True, slots=True)
class Stranger:
    """What a kind of stranger asks for, again and again."""

    name: str
    path: str
    headers: Sequence[str] = _BROWSER
    connections: int = CONNECTIONS
    pipelined: int = 1


STRANGERS: Final = (
    Stranger("/docs/webhooks", "/docs/webhooks"),
    Stranger("/openapi.json, gzip", "/openapi.json"),
    Stranger("/openapi.json, as it is", "/openapi.json", ()),
    Stranger("/docs/search, another query each time", "/docs/search?q=con+pro+rec+sta+key+{n}"),
    Stranger("the landing page", "/"),
    Stranger("/sign-in", "/sign-in"),
    Stranger("a page that is not there", "/docs/nothing-{n}"),
    Stranger("/claim/ with a wrong token", "/claim/clm_{n}"),
    Stranger("an unknown key", f"{API}/topup/balance", ("Authorization: Bearer ak_staging_{n}",)),
    Stranger("/readyz", "/readyz"),
    Stranger("/docs, 64 × 16 in one write", "/docs", connections=64, pipelined=16),
)


def _of(stranger: Stranger, port: str, seconds: float) -> Loader:
    argv = ["--port", port, "--path", stranger.path, "--seconds", str(seconds)]
    argv += ["--connections", str(stranger.connections), "--pipelined", str(stranger.pipelined)]
    argv += [f"--header={header}" for header in stranger.headers]
    return Loader(argv, seconds)


def _sends(key: str, port: str, seconds: float) -> Loader:
    argv = ["--port", port, "--path", SEND_PATH, "--seconds", str(seconds)]
    return Loader([*argv, "--connections", "1", "--key", key, "--json", SEND_BODY], seconds)


def _pin(installation: Installation, stranger: Loader) -> None:
    """Give the strangers' client the last core, and the gateway the others."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) >= CORES_MIN:
        os.sched_setaffinity(stranger.pid, cores[-1:])
        for gateway in installation.gateways:
            os.sched_setaffinity(gateway.pid, cores[:-1])


async def _key(installation: Installation) -> str:
    account_id = await installation.account()
    await installation.fund(account_id, "staging", 1_000_000_000)
    return await installation.key(account_id)


def measured(kind: str, chosen: report.Options, seconds: float) -> list[Sequence[object]]:
    """A row for each kind of stranger: milliseconds of a send, and how many times the quiet one it is."""
    rows: list[Sequence[object]] = []
    with scene(kind, log_level=chosen.log_level) as stage:
        installation = stage.installation
        installation.start()
        port = str(urlsplit(installation.url).port)
        key = asyncio.run(_key(installation))
        _sends(key, port, seconds).result()
        quiet = _sends(key, port, seconds).result()
        rows.append([kind, "none", None, quiet.p50_ms, quiet.p99_ms, None, None])
        for stranger in STRANGERS:
            # The strangers begin before the sends that are counted, and end after them.
            beside = _of(stranger, port, seconds * 1.5)
            _pin(installation, beside)
            sends = _sends(key, port, seconds).result()
            theirs = beside.result()
            rows.append(_row(kind, stranger, quiet, sends, theirs))
            print(*rows[-1], flush=True)
        again = _sends(key, port, seconds).result()
        rows.append([kind, "none, at the end", None, again.p50_ms, again.p99_ms, None, None])
    return rows


def _row(kind: str, stranger: Stranger, quiet: Load, sends: Load, theirs: Load) -> Sequence[object]:
    share = theirs.cpu_s / theirs.seconds
    ratio = sends.p50_ms / quiet.p50_ms
    return [kind, stranger.name, theirs.per_s, sends.p50_ms, sends.p99_ms, ratio, share]


def table(kinds: Sequence[str], chosen: report.Options, seconds: float) -> report.Table:
    """Measure on each database."""
    columns = (
        "strangers at",
        "their answers/s",
        "p50",
        "p99",
        "p50 ÷ none",
        "their client's cores",
    )
    found = report.Table(
        f"A send beside {CONNECTIONS} connections without a credential, ms", ("database", *columns)
    )
    for kind in kinds:
        for row in measured(kind, chosen, seconds):
            found.add(*row)
    return found
