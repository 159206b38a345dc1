"""The documents that are made from the code are the recorded ones: one line for each of their parts.

A line has the part's name, how many characters it has, and the start of its SHA-256: enough to see
which part changed. Recorded anew as answers are.
"""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from gateway.docs.pages import GUIDES, PLACEHOLDER, path_of
from gateway.docs.reference import resources
from tests.gateway.answers.recorder import FOLDER
from tests.gateway.answers.test_recorded_answers import IS_RECORDING
from tests.support.gateway import Gateway, running, settings_of
from tests.support.openapi_check import the_document
from webhooks.events.event import EVENT_TYPES

FILE = FOLDER / "documents.txt"
DIGEST_CHARACTERS = 16


def line(name: str, text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]
    return f"{digest} {len(text):7} {name}"


def parts_of(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The parts of an OpenAPI document, in its own order."""
    for path, item in document["paths"].items():
        yield from ((f"{method.upper()} {path}", item[method]) for method in item)
    for kind, named in document["components"].items():
        yield from ((f"{kind} {name}", value) for name, value in named.items())
    yield from ((f"webhook {name}", value) for name, value in document["webhooks"].items())
    yield "the rest", {name: document[name] for name in ("openapi", "info", "servers", "tags")}


async def lines(gateway: Gateway) -> list[str]:
    async def text(path: str) -> str:
        answer = await gateway.client.get(path)
        assert answer.status_code == 200, path
        return answer.text.replace(gateway.url, PLACEHOLDER)

    whole = await text("/openapi.json")
    found = [line("/openapi.json", whole)]
    document = msgspec.json.decode(whole)
    found += [line(name, msgspec.json.encode(one).decode()) for name, one in parts_of(document)]
    slugs = [one.slug for one in resources(the_document(), PLACEHOLDER)]
    paths = ["/docs", *(path_of(name) for name in GUIDES), *(f"/docs/api/{one}" for one in slugs)]
    paths += [f"/docs/events/{name}" for name in EVENT_TYPES]
    paths += ["/docs/events", "/llms.txt", "/llms-full.txt"]
    found += [line(path, await text(path)) for path in dict.fromkeys(paths)]
    metrics = await text("/metrics")
    return found + [
        one for one in metrics.splitlines() if one.startswith("# ") and " topup_" in one
    ]


async def test_each_document_is_as_it_was_recorded(sqlite_template: Path, tmp_path: Path) -> None:
    database = tmp_path / "topup.db"
    shutil.copy(sqlite_template, database)
    async with running(settings_of(f"sqlite:///{database}", tmp_path)) as gateway:
        found = "\n".join(await lines(gateway)) + "\n"

    if IS_RECORDING:
        FILE.write_text(found, encoding="utf-8")
    assert found.splitlines() == FILE.read_text(encoding="utf-8").splitlines()
