"""A guide's calls are shown in three languages: each makes the very request that the printed line for a shell makes.

That line itself is run at a gateway by tests/e2e/test_guide_samples.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.docs.pages import GUIDES, PLACEHOLDER, guide_text
from gateway.docs.reference import resources
from gateway.docs.runnable import GuideSample, Runnables
from tests.support.openapi_check import the_document
from tests.support.printed_blocks import blocks_of
from tests.support.receiver import Received, Receiver
from tests.support.sample_programs import Program, run_node, run_python, run_shell

pytestmark = pytest.mark.one_database


def shown(server: str) -> list[GuideSample]:
    """Every call of every guide that is shown in more than one language."""
    known = Runnables(resources(the_document(), PLACEHOLDER))
    texts = [
        block.text
        for name in GUIDES
        for block in blocks_of(name, guide_text(name).replace("$GATEWAY", server))
        if block.kind == "sh"
    ]
    return [found for text in texts if (found := known.of_text(text)) is not None]


def request_of(received: Received) -> tuple[str, str, Any, str, str | None]:
    """What counts of it: a key of ours may be any text, one that is printed is that."""
    body = json.loads(received.body) if received.body else None
    headers = received.headers
    return (
        received.method,
        received.path,
        body,
        headers["authorization"],
        headers.get("idempotency-key"),
    )


async def test_each_language_makes_the_request_that_the_line_makes(tmp_path: Path) -> None:
    made: dict[str, list[tuple[str, str, Any, str, str | None]]] = {}
    async with Receiver() as receiver:
        server = receiver.url.removesuffix("/hook")
        samples = shown(server)
        for at, (language, run) in enumerate(
            (("curl", run_shell), ("Python", run_python), ("JavaScript", run_node))
        ):
            programs = [
                Program(f"{language} {n}", one.texts[at][1], {"KEY": "ak_staging_1"})
                for n, one in enumerate(samples)
            ]
            await run(programs, tmp_path)
            made[language] = [request_of(one) for one in receiver.received]
            receiver.received.clear()

    assert len(made["curl"]) == len(samples) > 25
    assert {one.texts[0][0] for one in samples} == {"curl"}
    assert made["Python"] == made["curl"]
    assert made["JavaScript"] == made["curl"]
