"""The gateway's socket, and the descriptors that `topup dev` passes to its children in variables."""

import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable

from cli.output import EXIT_USAGE, fail
from runtime.settings import Settings
from runtime.supervisor import bind_listener

LISTEN_FD_VARIABLE = "TOPUP_LISTEN_FD"
WAKE_FD_VARIABLE = "TOPUP_WAKE_FD"
READY_FD_VARIABLE = "TOPUP_READY_FD"

logger = logging.getLogger("topup.worker")


def listen(settings: Settings) -> socket.socket:
    """Return the bound socket of HOST and PORT; end the command if that fails."""
    try:
        return bind_listener(settings.host, settings.port)
    except OSError as error:
        raise fail_to_listen(error, settings.host, settings.port) from None


def fail_to_listen(error: OSError, host: str, port: int) -> Exception:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        problem, advice = f"{where} is in use", "choose another with --port, or 0 for a free one"
    else:
        # An unresolved name has a number of its own and no text of the system's.
        reason = error.strerror or os.strerror(error.errno or 0)
        problem = f"cannot listen on {where}: {reason}"
        advice = "check --host and --port"
    return fail(problem, advice=advice, exit_code=EXIT_USAGE)


def worker_socket(
    settings: Settings, bind: Callable[[str, int], socket.socket]
) -> socket.socket | None:
    """Return a worker's own address; None if none is set or another worker of this machine has it."""
    host, port = settings.worker_host, settings.worker_port
    if port is None:
        return None
    try:
        return bind(host, port)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "the address is not known"
        logger.warning("worker.not_listening", extra={"address": f"{host}:{port}", "error": reason})
        return None


def passed_fd(variable: str) -> int | None:
    """Return the descriptor that a parent named in this variable, or None."""
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() else None


def tell_ready() -> bool:
    """Tell the supervisor that this process works; return False without one."""
    fd = passed_fd(READY_FD_VARIABLE)
    if fd is None:
        return False
    with contextlib.suppress(BrokenPipeError):
        os.write(fd, b".")
    return True
