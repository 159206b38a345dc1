"""`topup certify` needs a secret and an address, and says in 80 columns what was seen."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from keys.signatures.signing import new_webhook_secret
from tests.support.shop import Shop

SECRET = new_webhook_secret()


@contextmanager
def shop(fault: str) -> Iterator[Shop]:
    """A receiver with a loop of its own, since the command has one, too."""
    opened, over = Event(), Event()
    found = Shop(SECRET, fault)

    async def serve() -> None:
        async with found:
            opened.set()
            await asyncio.to_thread(over.wait)

    thread = Thread(target=asyncio.run, args=[serve()])
    thread.start()
    assert opened.wait(10)
    try:
        yield found
    finally:
        over.set()
        thread.join()


def certify(*words: str) -> Result:
    environment = {"WEBHOOK_SECRET": SECRET}
    return CliRunner().invoke(main, ["certify", *words, "--still-s", "0.01"], env=environment)


@pytest.mark.parametrize(
    ("fault", "exit_code", "last"),
    [("", 0, "certified: nothing failed"), ("memory_by_header", 1, "not certified: 1 failed")],
)
def test_a_receiver_with_a_fault_is_said_so_and_exits_with_1(
    fault: str, exit_code: int, last: str
) -> None:
    with shop(fault) as found:
        result = certify(found.url, "--effects-url", found.effects_url)

    assert result.exit_code == exit_code
    assert result.stdout.splitlines()[-1] == last
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert SECRET not in result.output


def test_json_has_each_check() -> None:
    with shop("") as found:
        result = certify(found.url, "--json")

    answered = json.loads(result.stdout)
    assert result.exit_code == 0
    assert answered["certified"] is False
    assert answered["counts"]["not_seen"] == 5
    assert [check["name"] for check in answered["checks"]][:2] == ["genuine", "bytes"]


@pytest.mark.parametrize(
    "words",
    [["ftp://127.0.0.1/"], ["http://"], ["http://127.0.0.1:99999/"], ["hook"], []],
)
def test_an_address_that_is_none_is_wrong_usage(words: list[str]) -> None:
    assert certify(*words).exit_code == 2


def test_a_secret_that_is_none_is_wrong_usage() -> None:
    environment = {"WEBHOOK_SECRET": "whsec_no"}
    result = CliRunner().invoke(main, ["certify", "http://127.0.0.1:1/"], env=environment)

    assert result.exit_code == 1
    assert "whsec_" in result.stderr
