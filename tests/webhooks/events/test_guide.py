"""The guides to webhooks, where they state what the code decides."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.http import waiting
from keys.signatures.signing import TOLERANCE_S, public_text, signature_headers, signer_of
from webhooks.deliveries import message
from webhooks.events import feed
from webhooks.events.event import EVENT_TYPES

TEXTS = Path(__file__).parents[3] / "gateway/docs/text"
PAGE = "\n".join(
    (TEXTS / f"{name}.md").read_text(encoding="utf-8")
    for name in ("webhooks", "verify-webhooks", "recover-events")
)
SECRET, OTHER = "whsec_" + "QUJD" * 8, "whsec_" + "QUJE" * 8
# Whose key pair signs beside which secret.
SEEDS = {SECRET: b"s" * 32, OTHER: b"o" * 32}
BODY = b'{"id":"evt_1"}'


@pytest.mark.parametrize(
    ("secrets", "age_s", "expected"),
    [
        ((SECRET,), 0, True),
        ((OTHER, SECRET), 0, True),
        ((OTHER,), 0, False),
        ((SECRET,), 900, False),
    ],
)
def test_each_check_of_the_page_takes_what_is_genuine_and_nothing_else(
    secrets: tuple[str, ...], age_s: int, expected: bool
) -> None:
    checks = [
        block
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
        if "def is_genuine" in block
    ]
    assert len(checks) == 4, (
        "by Stripe's library, Standard Webhooks', by hand, and by the public key"
    )
    headers = signature_headers(
        secrets=secrets,
        signers=[signer_of(SEEDS[one]) for one in secrets],
        message_id="evt_1",
        timestamp_s=int(time.time()) - age_s,
        body=BODY,
    )
    for check in checks:
        names: dict[str, Any] = {}
        key = public_text(SEEDS[SECRET]) if "public_key" in check else SECRET

        exec(check, names)

        assert names["is_genuine"](headers, BODY, key) is expected, check


def test_the_numbers_on_the_page_are_the_codes() -> None:
    for sentence in (
        f"The default schedule is `{list(message.SCHEDULE_S_DEFAULT)}`",
        f"{message.SCHEDULE_ENTRIES_MAX} waits of at most three days",
        f"every {waiting.HEARTBEAT_S:.0f} seconds",
        f"does not read for {waiting.SEND_S_MAX:.0f} seconds",
        f"can have {feed.STREAMS_PER_HOLDER} open streams, and an account {feed.STREAMS_PER_TENANT}",
    ):
        assert sentence in " ".join(PAGE.split()), sentence
    assert TOLERANCE_S == 5 * 60
    assert "older than five minutes" in PAGE


def test_every_event_that_the_page_names_exists() -> None:
    named = set(re.findall(r"\b(?:topup|order|balance|approval|endpoint)\.[a-z]+\b", PAGE))

    assert named
    assert named <= set(EVENT_TYPES)
