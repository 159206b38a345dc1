"""`topup dev` from the outside: one command, the curl line, a signed webhook, a clean end."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import httpx
import psutil
import pytest
import stripe
from click.testing import CliRunner, Result
from pydantic import SecretStr
from standardwebhooks import Webhook

from cli.main import main
from cli.server.dev import _for_development, curl_line
from runtime.settings import load_settings
from tests.support.command_line import without_settings
from tests.support.preloaded import Forked, Preloaded

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[3]
READY_S_MAX = 180.0
WEBHOOK_S_MAX = 60.0


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A webhook receiver on loopback; `received` has each request."""

    def __init__(self) -> None:
        self.received: Queue[Received] = Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.put(Received(headers, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing to print."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


class Dev:
    """One `topup dev` in a data directory of its own, on a free port.

    preloaded: forks it; else it is started anew, as a user does. is_seen: it prints to a terminal, else into a pipe.
    """

    def __init__(
        self,
        data_dir: Path,
        preloaded: Preloaded | None = None,
        *,
        host: str = "127.0.0.1",
        is_seen: bool = False,
    ) -> None:
        self.data_dir = data_dir
        self._host = host
        self._errors = (data_dir.parent / "errors").open("w+")
        output_fd, given_fd = os.openpty() if is_seen else os.pipe()
        self._output = os.fdopen(output_fd)
        try:
            self._process = self._started(given_fd, preloaded)
        finally:
            os.close(given_fd)
        self.logged_before_ready = ""
        self._family: list[psutil.Process] = []
        self._said = (0, "")
        self.printed = ""

    def _started(
        self, output_fd: int, preloaded: Preloaded | None
    ) -> subprocess.Popen[bytes] | Forked:
        words = ["dev", f"--host={self._host}", "--port=0", f"--data-dir={self.data_dir}"]
        folder, errors_fd = self.data_dir.parent, self._errors.fileno()
        if preloaded is None:
            return subprocess.Popen(
                [sys.executable, "-m", "cli", *words],
                cwd=folder,
                env=environment(),
                stdout=output_fd,
                stderr=errors_fd,
            )
        return preloaded.start(
            words,
            cwd=folder,
            env=environment(),
            log_fd=output_fd,
            errors_fd=errors_fd,
            passed={},
        )

    def printed_until_ready(self) -> str:
        """What a user sees before the first top-up."""
        text, line = "", " "
        watchdog = threading.Timer(READY_S_MAX, self._process.kill)
        watchdog.start()
        while line and "Ctrl-C" not in line:
            line = self._output.readline()
            text += line
        watchdog.cancel()
        self.logged_before_ready = Path(self._errors.name).read_text()
        self._family = psutil.Process(self._process.pid).children(recursive=True)
        return text

    @property
    def facts(self) -> dict[str, str]:
        return dict(json.loads((self.data_dir / "dev.json").read_text()))

    def call(self, method: str, path: str, body: object = None, key: str = "") -> dict[str, Any]:
        answer = httpx.request(
            method,
            f"{self.facts['url']}/api/public/v1{path}",
            json=body,
            headers={"authorization": f"Bearer {key or self.facts['staging_key']}"},
            timeout=60,
        )
        return {"http": answer.status_code, **answer.json()}

    def topup(self, *words: str) -> Result:
        """Another command on the same installation, in the test's own process."""
        environment = {"TOPUP_DATA_DIR": str(self.data_dir)}
        return CliRunner().invoke(main, list(words), env=environment)

    def run(self, preloaded: Preloaded, *words: str) -> subprocess.CompletedProcess[str]:
        """Another process on the same installation, for what might not end by itself."""
        return preloaded.run(
            words,
            cwd=self.data_dir.parent,
            env=environment(TOPUP_DATA_DIR=str(self.data_dir)),
            timeout_s=READY_S_MAX,
        )

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Ctrl-C, or another signal; the exit code and what was said on standard error."""
        if not self._errors.closed:
            if self._process.poll() is None:
                os.kill(self._process.pid, number)
            code = self._process.wait(timeout=90)
            self._output.close()
            self._errors.seek(0)
            self._said = (code, self._errors.read())
            self._errors.close()
        return self._said

    def left_over(self) -> list[str]:
        return [one.name() for one in self._family if one.is_running() and one.status() != "zombie"]


def environment(**variables: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("TOPUP_")}
    return {**own, "PYTHONPATH": str(ROOT), **variables}


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """One that runs, for the tests that leave it running."""
    started = Dev(tmp_path_factory.mktemp("dev") / "data")
    started.printed = started.printed_until_ready()
    yield started
    started.stop()


def test_the_printed_curl_line_moves_credit_and_causes_a_signed_webhook(
    dev: Dev, receiver: Receiver
) -> None:
    printed, facts = dev.printed, dev.facts
    assert facts["url"] in printed
    assert curl_line(facts["url"], facts["staging_key"]) in printed

    endpoint = dev.call("POST", "/webhooks/register", {"url": receiver.url})
    curl = subprocess.run(
        ["bash", "-c", printed[printed.index("curl -X POST") : printed.rindex("'") + 1]],
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(curl.stdout)
    webhook = receiver.received.get(timeout=WEBHOOK_S_MAX)

    assert endpoint["http"] == 201, endpoint
    assert (answer["success"], answer["code"], answer["status"]) == (True, 1001, "delivered")
    assert answer["data"]["platform"] == "claude"
    assert answer["data"]["amount_cents"] == 1000
    assert answer["data"]["new_balance_cents"] == 1000
    assert re.fullmatch(r"ATU(-[0-9A-Z]{4}){5}", answer["data"]["voucher_code"])
    secret = endpoint["data"]["secret"]
    event = json.loads(webhook.body)
    assert event["type"] == "topup.delivered"
    assert event["data"]["transaction_id"] == answer["transaction_id"]
    stripe.WebhookSignature.verify_header(
        webhook.body.decode(), webhook.headers["x-aitopup-signature"], secret, tolerance=300
    )
    assert Webhook(secret).verify(webhook.body, webhook.headers) == event


def test_no_line_of_a_log_stands_above_the_greeting(dev: Dev) -> None:
    assert [line for line in dev.printed.splitlines() if line.startswith("{")] == []
    assert [line for line in dev.logged_before_ready.splitlines() if line.startswith("{")] == []


def test_a_terminal_shows_a_link_that_signs_the_operator_in_once(
    tmp_path: Path, preloaded: Preloaded
) -> None:
    seen = Dev(tmp_path / "data", preloaded, is_seen=True)
    try:
        link = re.search(
            r"http://127\.0\.0\.1:\d+/sign-in-link/[\w-]{22}", seen.printed_until_ready()
        )
        assert link is not None
        with httpx.Client() as browser:
            looked = browser.get(link[0])
            before = browser.get(f"{seen.facts['url']}/dashboard")
            pressed = browser.post(link[0])
            home = browser.get(f"{seen.facts['url']}/dashboard/admin/home")
        again = httpx.post(link[0])
    finally:
        code, said = seen.stop()

    assert (looked.status_code, before.status_code) == (200, 303)
    assert (pressed.status_code, home.status_code, again.status_code) == (303, 200, 404)
    assert code == 0
    assert link[0][-22:] not in said


def test_no_link_signs_in_where_others_could_read_or_reach_it(
    dev: Dev, tmp_path: Path, preloaded: Preloaded
) -> None:
    """Into a pipe, and at a gateway that listens to other machines."""
    reachable = Dev(tmp_path / "data", preloaded, host="0.0.0.0", is_seen=True)
    try:
        printed = reachable.printed_until_ready()
    finally:
        reachable.stop()

    assert "not only this machine" in printed
    assert "/sign-in-link/" not in printed
    assert "/sign-in-link/" not in dev.printed


def test_deliveries_are_listed_shown_and_replayed_beside_a_running_installation(
    dev: Dev, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_settings(monkeypatch, tmp_path)

    endpoint = dev.call("POST", "/webhooks/register", {"url": receiver.url})["data"]["id"]
    order = {"platform": "claude", "amount_cents": 100, "recipient_email": "a@b.example"}
    dev.call("POST", "/topup/send", order)
    first = receiver.received.get(timeout=WEBHOOK_S_MAX)
    account = dev.facts["account_id"]

    listed = json.loads(
        dev.topup(
            "deliveries", "list", f"--account={account}", f"--endpoint-id={endpoint}", "--json"
        ).stdout
    )
    delivery_id = listed["items"][0]["id"]
    replayed = dev.topup("deliveries", "replay", delivery_id, "--json")
    again = receiver.received.get(timeout=WEBHOOK_S_MAX)
    shown = json.loads(dev.topup("deliveries", "show", delivery_id, "--json").stdout)
    late = dev.topup("deliveries", "cancel", delivery_id)

    assert first.headers["x-aitopup-delivery"] == delivery_id
    assert json.loads(replayed.stdout)["replay_of"] == delivery_id
    assert again.body == first.body
    assert again.headers["webhook-id"] == first.headers["webhook-id"]
    assert again.headers["x-aitopup-delivery"] != delivery_id
    assert [attempt["number"] for attempt in shown["attempts"]] == [1]
    assert (late.exit_code, "The delivery is already delivered." in late.output) == (1, True)
    assert dev.topup("audit").exit_code == 0
    assert dev.topup("doctor").exit_code == 0


def test_ctrl_c_or_a_kill_stops_everything_and_the_next_start_keeps_the_credentials(
    tmp_path: Path, preloaded: Preloaded
) -> None:
    first = Dev(tmp_path / "data", preloaded)
    first.printed_until_ready()
    before = first.facts
    modes = {
        name: stat.S_IMODE((tmp_path / "data" / name).stat().st_mode)
        for name in ("dev.json", "master_key", ".")
    }
    code, said = first.stop()

    assert code == 0, said
    assert "stopped" in said
    assert first.left_over() == []
    assert modes == {"dev.json": 0o600, "master_key": 0o600, ".": 0o700}

    second = Dev(tmp_path / "data", preloaded)
    second.printed_until_ready()
    after = second.facts
    balance = second.call("GET", "/topup/balance")
    live = second.call("GET", "/topup/balance", key=after["live_key"])
    second.stop(signal.SIGKILL)

    assert {**after, "url": ""} == {**before, "url": ""}
    assert set(after) == {
        "url",
        "account_id",
        "email",
        "password",
        "staging_key",
        "live_key",
        "admin_token",
    }
    assert balance["data"]["balance_cents"] == 1_000_000
    assert (live["data"]["environment"], live["data"]["balance_cents"]) == ("live", 0)

    deadline_s = time.monotonic() + 30
    while set(second.left_over()) - {"redis-server"} and time.monotonic() < deadline_s:
        time.sleep(0.05)
    third = Dev(tmp_path / "data", preloaded)
    third.printed_until_ready()
    is_working = third.call("GET", "/topup/balance")["http"] == 200
    third.stop()

    assert is_working
    assert second.left_over() == []
    assert third.left_over() == []


def test_a_second_dev_on_the_same_directory_is_refused(dev: Dev, preloaded: Preloaded) -> None:
    second = dev.run(preloaded, "dev", "--port=0")

    assert second.returncode == 1
    assert "is in use by another `topup dev`" in second.stderr
    assert dev.call("GET", "/topup/balance")["http"] == 200


def test_a_port_in_use_is_told_with_what_to_do(
    dev: Dev, preloaded: Preloaded, tmp_path: Path
) -> None:
    port = dev.facts["url"].rpartition(":")[2]

    other = dev.run(preloaded, "dev", f"--port={port}", f"--data-dir={tmp_path / 'other'}")

    assert other.returncode == 2
    assert "is in use" in other.stderr
    assert "--port" in other.stderr


@pytest.mark.parametrize(
    ("host", "given", "wanted"),
    [
        ("127.0.0.1", {}, (True, True)),
        ("127.0.0.1", {"webhook_allow_private": False}, (False, True)),
        ("::1", {"self_serve_staging": False}, (True, False)),
        ("0.0.0.0", {}, (False, False)),
        ("0.0.0.0", {"webhook_allow_private": True, "self_serve_staging": True}, (False, False)),
        ("192.0.2.7", {}, (False, False)),
    ],
)
def test_private_webhooks_and_self_service_are_for_loopback_only(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    given: dict[str, bool],
    wanted: tuple[bool, bool],
) -> None:
    without_settings(monkeypatch, tmp_path)

    decided = _for_development(load_settings(host=host, **given), 8123, "5f" * 32)

    assert (decided.webhook_allow_private, decided.self_serve_staging) == wanted
    assert decided.secret_key == SecretStr("5f" * 32)
    assert decided.port == 8123
