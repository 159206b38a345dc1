"""Starts what the measurements are held against, and installs what it needs outside the tree.

Python peers run from a virtual environment, Node's from a node_modules folder, both under
${XDG_CACHE_HOME:-~/.cache}/topup-bench; installed once, again when the pinned list changes. The
project's own environment stays as it is: redis-py of ARQ and of Celery exclude each other.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.support.installation import PAUSE_S, READY_S_MAX, ROOT, NotReady, clean_environment

PEERS = ROOT / "bench" / "peers"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "topup-bench"
STOP_S_MAX = 10.0


class PortProgram:
    """A program that is given a port as its last word, or in a variable, and listens there.

    port 0: it listens nowhere. It and all that it started end together.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        log_path: Path,
        env: Mapping[str, str] | None = None,
        listens: bool = True,
    ) -> None:
        self.port = free_port() if listens else 0
        self.url = f"http://127.0.0.1:{self.port}"
        self._log_path = log_path
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*argv, str(self.port)] if listens else list(argv),
                cwd=cwd,
                env={**clean_environment(), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self) -> None:
        """Returns once it accepts connections; raises NotReady."""
        deadline_s = time.monotonic() + READY_S_MAX
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                log = self._log_path.read_text(errors="replace")
                raise NotReady(f"{self._process.args!r} is not ready:\n{log[-4000:]}")
            time.sleep(PAUSE_S)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL, to the session it leads; nothing of it is left."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            try:
                self._process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                continue
        self._process.wait()

    def _accepts(self) -> bool:
        with socket.socket() as client:
            client.settimeout(1)
            return client.connect_ex(("127.0.0.1", self.port)) == 0


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


def peer_python() -> Path:
    """The interpreter with what peers/requirements.txt pins. May raise NotReady."""
    home, pinned = CACHE / "python", PEERS / "requirements.txt"

    def install() -> None:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", "-r", str(pinned)], check=True)

    _install_once(home, [pinned], install)
    return home / "bin" / "python"


def peer_node() -> Path | None:
    """The folder of the Node peer with its modules; None without Node. May raise NotReady."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    home, source = CACHE / "bullmq", PEERS / "bullmq"
    sources = sorted(path for path in source.iterdir() if path.is_file())

    def install() -> None:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(source, home)
        # Not `npm ci`, which refuses a lock without the binaries of platforms that are not ours;
        # this one takes the locked versions too.
        words = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(words, cwd=home, check=True, stdout=subprocess.DEVNULL)

    _install_once(home, sources, install)
    return home


def _install_once(home: Path, sources: Sequence[Path], install: Callable[[], None]) -> None:
    """Runs install unless it was done for these very sources before."""
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
    mark = home / "installed"
    if mark.exists() and mark.read_text() == digest:
        return
    print(f"installing {home.name} into {home}", flush=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        install()
    except subprocess.CalledProcessError as error:
        raise NotReady(f"{home.name} cannot be installed: {error}") from error
    mark.write_text(digest)
