"""Open the gateway's socket, and read the file descriptors that `topup dev` passes to its children."""

import contextlib
import errno
import logging
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from cli.output import EXIT_USAGE, fail
from runtime.settings import Settings, nearest_setting, unknown_variables
from runtime.supervisor import bind_listener, parent_fd

LISTEN_FD_VARIABLE = "TOPUP_LISTEN_FD"
WAKE_FD_VARIABLE = "TOPUP_WAKE_FD"
READY_FD_VARIABLE = "TOPUP_READY_FD"

logger = logging.getLogger("topup.worker")


settings_log = logging.getLogger("topup.settings")


def listen(settings: Settings) -> socket.socket:
    """Return a listening socket at HOST and PORT. Exit if that fails."""
    try:
        return bind_listener(settings.host, settings.port)
    except OSError as error:
        raise fail_to_listen(error, settings.host, settings.port) from None


def fail_to_listen(error: OSError, host: str, port: int) -> Exception:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        problem, advice = f"{where} is in use", "choose another with --port, or 0 for a free one"
    else:
        # Name resolution errors have their own numbers and no text.
        reason = error.strerror or os.strerror(error.errno or 0)
        problem = f"cannot listen on {where}: {reason}"
        advice = "check --host and --port"
    return fail(problem, advice=advice, exit_code=EXIT_USAGE)


def worker_socket(
    settings: Settings, bind: Callable[[str, int], socket.socket]
) -> socket.socket | None:
    """Return a socket that listens on the worker's own address. Return None if no address is set or it
    can't be used.
    """
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
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() else None


def notify_ready() -> bool:
    """Tell the supervisor that this process is ready. Return False if there is no supervisor."""
    fd = passed_fd(READY_FD_VARIABLE)
    if fd is None:
        return False
    with contextlib.suppress(BrokenPipeError):
        os.write(fd, b".")
    return True


def check_start(settings: Settings) -> None:
    """Exit if a TOPUP_ variable is misspelt or the data directory can't be written."""
    for name in unknown_variables():
        meant = nearest_setting(name)
        if meant is not None:
            raise fail(
                f"{name} is no setting", advice=f"did you mean {meant}?", exit_code=EXIT_USAGE
            )
    if "data_dir" in settings.model_fields_set:
        _check_folder(settings.data_dir)


def warn_of_unknown_variables() -> None:
    """Log unknown variables that resemble no setting. Another release or an orchestrator may have set them."""
    names = unknown_variables()
    if names and parent_fd(os.environ) is None:
        settings_log.warning("settings.unknown_variables", extra={"variables": ", ".join(names)})


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise fail(
            f"TOPUP_DATA_DIR: {folder} cannot be made or written ({error.strerror})",
            advice="choose a folder that this user can write to",
            exit_code=EXIT_USAGE,
        ) from None
