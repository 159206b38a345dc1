"""A program that forks commands of ours, with what they import loaded already; see preloaded.py.

Each command is a process of its own session, with its own log, environment and descriptors, as if it
had been started anew. Promise: when whoever started this has ended, it ends too.

In a run over several processes it is loaded once, and `serve_each` forks such a program for each.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any

MODULES = (
    *("cli.main", "cli.server.dev", "cli.server.serve", "cli.server.worker"),
    # Loaded by `dev` and `migrate` as they need it, and by a gateway at its first call to a provider.
    *("store.migrate", "httpcore", "h11", "anyio._backends._asyncio", "uvicorn.lifespan.off"),
    # By the kind of database, by a worker with an address, and by a gateway at its first passkey and QR code.
    *("store.postgresql.database", "store.sqlite.database", "cli.server.worker_address"),
    "worker.mail",
    *("keys.sign_in.passkey_answer", "segno", "cli.tables"),
    *("gateway.docs.markdown_renderer", "gateway.docs.lexing"),
    # By a gateway at its first agent, at its first receipt, and at each start with Stripe's credentials.
    *("gateway.mcp.server", "billing.documents.document_pdf", "billing.providers.stripe.provider"),
    *("stripe._v1_services", "stripe._checkout_service", "stripe._webhook", "stripe.checkout"),
)
# Of a request: so many digits say how many bytes of JSON follow.
LENGTH_DIGITS = 8
FDS_MAX = 16


@dataclass(frozen=True)
class Request:
    """One command to start. status_fd is told the process id, and the exit code at the end."""

    words: list[str]
    cwd: str
    env: dict[str, str]
    status_fd: int
    log_fd: int
    errors_fd: int
    passed: dict[str, int]


def receive(control: socket.socket) -> Request | None:
    """The next request; None once nobody can ask any more."""
    length, fds, _, _ = socket.recv_fds(control, LENGTH_DIGITS, FDS_MAX)
    if not length:
        return None
    # No byte more than this request's: the next one's descriptors come with its own first bytes.
    body = b""
    while len(body) < int(length):
        body += control.recv(int(length) - len(body))
    said: dict[str, Any] = json.loads(body)
    status_fd, log_fd, errors_fd, *passed = fds
    return Request(
        words=said["words"],
        cwd=said["cwd"],
        env=said["env"],
        status_fd=status_fd,
        log_fd=log_fd,
        errors_fd=errors_fd,
        passed=dict(zip(said["variables"], passed, strict=True)),
    )


def reap(running: dict[int, int]) -> None:
    """Tells the exit code of each process that has ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            tell(running[pid], os.waitstatus_to_exitcode(status))
            os.close(running.pop(pid))


def tell(fd: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(fd, b"%d\n" % number)


def serve(control: socket.socket) -> Request | None:
    """Forks until nobody can ask any more; in a forked process, what that one is to do."""
    running: dict[int, int] = {}
    woken, waker = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        readable, _, _ = select.select([control.fileno(), woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            reap(running)
        if control.fileno() not in readable:
            continue
        request = receive(control)
        if request is None:
            return None
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            for fd in (woken, waker, request.status_fd, *running.values()):
                os.close(fd)
            return request
        running[pid] = request.status_fd
        tell(request.status_fd, pid)
        for fd in (request.log_fd, request.errors_fd, *request.passed.values()):
            os.close(fd)


def become(request: Request) -> None:
    """Makes this process what the command would find if it were started anew."""
    os.setsid()
    os.chdir(request.cwd)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - no path of ours
        os.dup2(nothing.fileno(), 0)
    os.dup2(request.log_fd, 1)
    os.dup2(request.errors_fd, 2)
    os.close(request.log_fd)
    os.close(request.errors_fd)
    os.environ.clear()
    os.environ.update(request.env)
    os.environ.update({name: str(fd) for name, fd in request.passed.items()})
    sys.argv[:] = ["topup", *request.words]


def load() -> None:
    """All that a command may need."""
    for name in MODULES:
        importlib.import_module(name)
    for name in ("billing.fulfilment.registry", "billing.providers.registry"):
        importlib.import_module(name).discover()
    # What is loaded stays in memory that all of them share: a search for garbage would copy it.
    gc.collect()
    gc.freeze()


def serve_each(listener: socket.socket, parent_fd: int) -> None:
    """Loads it all, and forks for each who connects such a program as they would have started. It ends
    when the other end of parent_fd is closed; it returns in each process whose work is done.
    """
    os.setsid()
    load()
    control = _asked(listener, parent_fd)
    if control is not None:
        run(control)


def _asked(listener: socket.socket, parent_fd: int) -> socket.socket | None:
    """In a forked process the connection of whoever asked for it; None once the run is over."""
    # Nobody asks this program how they ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        readable, _, _ = select.select([listener.fileno(), parent_fd], [], [])
        if parent_fd in readable:
            return None
        control, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            os.close(parent_fd)
            return control
        control.close()


def run(control: socket.socket) -> None:
    """Forks for whoever has the other end; in a forked process, the command from start to end."""
    request = serve(control)
    if request is not None:
        become(request)
        # It returns, ends and cleans up as in a process that was started for it.
        importlib.import_module("cli.main").main()


def main() -> None:
    load()
    run(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
