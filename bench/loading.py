"""Runs bench/load.py as a process of its own and reads what it measured."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.installation import API

SEND_PATH = f"{API}/topup/send"
# `sent` is what bench/sink.py measures by: the top-up's metadata come back in its event.
SEND_BODY = (
    '{"platform":"claude","amount_cents":100,"recipient_email":"user{n}@example.com",'
    '"metadata":{"sent":"{t}"}}'
)
GRACE_S = 60


@dataclass(frozen=True, slots=True)
class Load:
    """What the client saw; moments by time.perf_counter_ns."""

    requests: int
    seconds: float
    per_s: float
    p50_ms: float
    p99_ms: float
    mean_ms: float
    max_ms: float
    statuses: dict[str, int]
    cpu_s: float
    begun_ns: int
    ended_ns: int

    @property
    def refused(self) -> int:
        """Answers other than 2xx."""
        return sum(n for status, n in self.statuses.items() if not status.startswith("2"))


class Loader:
    """A client under way."""

    def __init__(self, argv: Sequence[str], seconds: float) -> None:
        self._seconds = seconds
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load", *argv], stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def result(self) -> Load:
        """Waits for its end."""
        said, _ = self._process.communicate(timeout=self._seconds + GRACE_S)
        assert self._process.returncode == 0, "the load client failed"
        return Load(**json.loads(said))

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def loading(
    url: str,
    *,
    path: str = SEND_PATH,
    body: str = SEND_BODY,
    keys: Sequence[str] = (),
    connections: int = 64,
    first: int = 0,
    seconds: float = 5,
    requests: int | None = None,
    rate: float = 0,
    recipients: int = 1000,
    is_idempotent: bool = True,
) -> Iterator[Loader]:
    """A load client that runs meanwhile. An empty body sends GET; an address without a path.

    first: the number of its first connection. Clients whose numbers go on send together what one would,
    and not the same wallets at the same moment.
    """
    with ExitStack() as stack:
        argv = ["--port", str(urlsplit(url).port), "--path", path]
        argv += ["--connections", str(connections), "--seconds", str(seconds)]
        argv += ["--first", str(first)]
        argv += ["--rate", str(rate), "--recipients", str(recipients)]
        if body:
            argv += ["--json", body]
        if not is_idempotent:
            argv.append("--not-idempotent")
        if requests is not None:
            argv += ["--requests", str(requests)]
        if keys:
            file = stack.enter_context(tempfile.NamedTemporaryFile("w", prefix="keys-"))
            Path(file.name).write_text("\n".join(keys))
            argv += ["--keys-file", file.name]
        loader = Loader(argv, seconds)
        stack.callback(loader.end)
        yield loader


def load(
    url: str,
    *,
    path: str = SEND_PATH,
    body: str = SEND_BODY,
    keys: Sequence[str] = (),
    connections: int = 64,
    seconds: float = 5,
    requests: int | None = None,
    rate: float = 0,
    recipients: int = 1000,
    is_idempotent: bool = True,
) -> Load:
    """One load, to its end."""
    with loading(
        url,
        path=path,
        body=body,
        keys=keys,
        connections=connections,
        seconds=seconds,
        requests=requests,
        rate=rate,
        recipients=recipients,
        is_idempotent=is_idempotent,
    ) as loader:
        return loader.result()
