"""The receiver of the tutorial runs as it is printed: it takes what is genuine, once, and refuses the rest."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from gateway.docs.pages import guide_text
from keys.signatures.signing import TOLERANCE_S, signature_headers
from tests.support.ports import free_port
from tests.support.printed_blocks import blocks_of

pytestmark = pytest.mark.one_database

SECRET, FOREIGN = "whsec_" + "QUJD" * 8, "whsec_" + "QUJE" * 8
BODY = b'{"id":"evt_1","type":"topup.failed","data":{"transaction_id":"txn_1"}}'


def signed(*secrets: str, age_s: int = 0) -> Mapping[str, str]:
    return signature_headers(
        secrets=secrets,
        signers=[],
        message_id="evt_1",
        timestamp_s=int(time.time()) - age_s,
        body=BODY,
    )


def test_the_tutorials_receiver_runs_as_printed(tmp_path: Path) -> None:
    (block,) = [
        one for one in blocks_of("", guide_text("first-webhook")) if one.file == "receiver.py"
    ]
    (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    port = free_port()
    running = subprocess.Popen(
        [sys.executable, block.file],
        cwd=tmp_path,
        env={**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/hook"
    genuine = signed(SECRET)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as client:
            statuses = [
                client.post(url, content=body, headers=dict(headers)).status_code
                for headers, body in (
                    (genuine, BODY),
                    (genuine, BODY),
                    (signed(FOREIGN, SECRET), BODY),
                    (signed(FOREIGN), BODY),
                    (signed(SECRET, age_s=TOLERANCE_S + 60), BODY),
                    (genuine, BODY + b" "),
                    ({}, b"{}"),
                )
            ]
    finally:
        running.terminate()
        printed, _ = running.communicate(timeout=20)

    assert statuses == [204, 204, 204, 401, 401, 401, 401]
    assert printed.decode() == "topup.failed txn_1\n"
