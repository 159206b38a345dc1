"""Does what the Dockerfile says, without an engine, and then uses what came of it.

    python -m tests.deploy.image_check

The first stage's COPY and pip lines are done into an empty folder with this Python in place of the
base image's; /opt/topup becomes a folder that is then made read-only. What was not copied is not
there. As an unprivileged user where this one is root: no package of requirements-dev.lock, migrate,
a send, the worker's delivery, a copy of the database. TEST_DATABASE_URL and TEST_REDIS_URL name the
servers; without the first it is SQLite. What only an engine can do (the base image, apt, the user's
name, HEALTHCHECK) is not looked at here.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from kernel import version
from tests.deploy.dockerfile import Instruction, stages
from tests.support.installation import API, MASTER_KEY, ROOT, clean_environment
from tests.support.ports import free_port
from tests.support.postgres_server import create_database, drop_database
from tests.support.receiver import Receiver
from tests.support.senders import client, order

HOME: Final = "/opt/topup"
# As in the Dockerfile; only root can become it.
USER_ID: Final = 10001
WAIT_S: Final = 30.0
_NAME: Final = re.compile(r"^([A-Za-z0-9_.-]+)==", re.MULTILINE)


def main() -> None:
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="topup-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        home = folder / "opt" / "topup"
        build(folder, home)
        _say(f"built in {time.monotonic() - started_s:.1f} s: {size_mib(home):.0f} MiB")
        check_packages(home)
        with database() as url:
            asyncio.run(use(folder, home, url))
    _say(f"the image's steps and what they make are well ({time.monotonic() - started_s:.1f} s)")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def build(folder: Path, home: Path) -> None:
    """The Dockerfile's first stage; then nobody may write what it made."""
    place, base = folder / "build", folder / "base"
    place.mkdir()
    home.parent.mkdir(parents=True)
    # Stands for the base image's Python: only what the Dockerfile installs into it is added.
    subprocess.run([python_for_all(), "-m", "venv", str(base)], check=True)
    for one in stages(ROOT / "Dockerfile")[0]:
        _do(one, place, base, home)
    for path in [home, *home.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    # What runs finds nothing beside it.
    shutil.rmtree(place)


def python_for_all() -> str:
    """A Python that the image's user can run too; one of a person's home directory cannot be."""
    for found in filter(None, (sys.executable, shutil.which("python3", path="/usr/bin"))):
        path = os.path.realpath(found)
        versions = {
            subprocess.run([*words, path, "-VV"], capture_output=True, check=False).stdout
            for words in ([], as_user())
        }
        if len(versions) == 1 and versions != {b""}:
            return path
    raise SystemExit(
        "no Python that other users can run: install Debian's python3 and python3-venv"
    )


def as_user() -> list[str]:
    """What begins a command line of the image's user; nothing where this user is no root."""
    if os.getuid() != 0:
        return []
    ids = (f"--reuid={USER_ID}", f"--regid={USER_ID}")
    return ["setpriv", *ids, "--clear-groups", "--no-new-privs"]


def _do(one: Instruction, place: Path, base: Path, home: Path) -> None:
    """Do a COPY or a RUN; `docker build` would get VERSION as an argument."""
    if one.word == "COPY":
        *sources, target = one.text.split()
        for source in sources:
            _copy(ROOT / source, place / target)
    elif one.word == "RUN":
        tag = version.for_chart(version.of_source())
        path = f"{base / 'bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["/bin/sh", "-ec", one.text.replace(HOME, str(home))],
            cwd=place,
            env=clean_environment(PATH=path, PIP_DISABLE_PIP_VERSION_CHECK="1", VERSION=tag),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"RUN {one.text}\n{done.stderr[-2000:]}")


def _copy(source: Path, target: Path) -> None:
    """A folder's contents into a folder, as COPY has it; a file into a folder."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target / source.name)


def check_packages(home: Path) -> None:
    """Those of requirements.lock that this platform takes, ours, and no other."""
    python = home / "bin" / "python"
    text = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
    said = subprocess.run([python, "-I", "-c", text], check=True, capture_output=True, text=True)
    found = {_plain(name) for name in json.loads(said.stdout)}
    locked = {_plain(name) for name in _NAME.findall((ROOT / "requirements.lock").read_text())}
    assert "topup-gateway" in found, "the project itself is not installed"
    assert found - {"topup-gateway"} <= locked, f"not locked: {sorted(found - locked)}"
    compiled = [*home.rglob("site-packages/gateway/__pycache__/*.pyc")]
    assert compiled, "each start would compile every module, since nothing may be written"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def size_mib(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*")) / 1024 / 1024


@contextlib.contextmanager
def database() -> Iterator[str]:
    """The URL of an empty database; of a file in the data directory where there is no server."""
    server = os.environ.get("TEST_DATABASE_URL")
    if not server:
        yield ""
        return
    name = f"image{os.getpid()}"
    url = create_database(server, name)
    try:
        yield url
    finally:
        drop_database(server, name)


async def use(folder: Path, home: Path, database_url: str) -> None:
    """One gateway, one worker, one send, one webhook, one copy."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    if os.getuid() == 0:
        os.chown(data, USER_ID, USER_ID)
    gateway_port, worker_port = free_port(), free_port()
    environment = {
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TOPUP_DATA_DIR": str(data),
        "TOPUP_DATABASE_URL": database_url,
        "TOPUP_REDIS_URL": os.environ.get("TEST_REDIS_URL", ""),
        "TOPUP_SECRET_KEY": MASTER_KEY,
        "TOPUP_PORT": str(gateway_port),
        "TOPUP_WORKER_PORT": str(worker_port),
        "TOPUP_WEBHOOK_ALLOW_PRIVATE": "true",
    }
    topup = Image(home, data, environment)
    assert topup.run("--version").startswith("topup, version ")
    topup.run("migrate")
    topup.run("accounts", "create", "--name", "Image", "--email", "image@example.com")
    key = json.loads(topup.run("keys", "create", "--account", "image@example.com", "--json"))
    with topup.start("serve"), topup.start("worker"):
        for port in (gateway_port, worker_port):
            await until_ready(port)
        url = f"http://127.0.0.1:{gateway_port}{API}"
        async with Receiver() as receiver, client(key["key"]) as merchant:
            made = await merchant.post(f"{url}/webhooks/register", json={"url": receiver.url})
            assert made.status_code == 201, made.text
            sent = await merchant.post(f"{url}/topup/send", json=order(100))
            assert sent.json()["code"] == 1001, sent.text
            async with asyncio.timeout(WAIT_S):
                while not receiver.received:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        found = json.loads(topup.run("doctor", "--json"))
        assert [one for one in found if one["is_well"] is False] == [], found
    copy = data / "monday.copy"
    topup.run("backup", str(copy))
    assert copy.stat().st_size > 0
    topup.run("audit")


class Image:
    """Runs the installed command as the image would: its user, its folder, nothing of ours."""

    def __init__(self, home: Path, data: Path, environment: Mapping[str, str]) -> None:
        self._program = str(home / "bin" / "topup")
        self._data, self._environment = data, dict(environment)

    def run(self, *words: str) -> str:
        """What it printed; ends the check where it fails."""
        done = subprocess.run(
            [*as_user(), self._program, *words],
            cwd=self._data,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(
                f"topup {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    @contextlib.contextmanager
    def start(self, command: str) -> Iterator[None]:
        process = subprocess.Popen(
            [*as_user(), self._program, command],
            cwd=self._data,
            env=self._environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.terminate()
            code = process.wait(WAIT_S)
        assert code == 0, f"topup {command} ended with {code}"


async def until_ready(port: int) -> None:
    """Asks as the health checks of compose.yaml do."""
    async with asyncio.timeout(WAIT_S):
        while not await asyncio.to_thread(_is_ready, port):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
            return bool(json.load(answer)["status"] == "ready")
    except OSError:
        return False


if __name__ == "__main__":
    main()
