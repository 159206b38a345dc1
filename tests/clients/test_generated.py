"""What is generated in clients/ is what the generators make of the document today, and complete."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clients.generate import PYTHON, TYPESCRIPT, of_clients, write
from clients.operations import API, LEFT_OUT, NAMES, operations_of
from tests.support.installation import ROOT

pytestmark = pytest.mark.one_database
CLIENTS = ROOT / "clients"
GENERATED = (*PYTHON, *TYPESCRIPT)
# x402.py and x402.ts sign what this one needs.
BY_HAND = {"POST /x402/topup"}
# What the gateway itself doesn't know: pairs of the caller's, and values of any type.
UNTYPED = {
    *("after", "allowed", "before", "body", "data", "example", "filter", "limit", "remaining"),
}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return of_clients()


def test_make_clients_would_change_nothing(tmp_path: Path) -> None:
    write(tmp_path)

    changed = [
        path
        for path in GENERATED
        if (tmp_path / path).read_bytes() != (CLIENTS / path).read_bytes()
    ]
    assert changed == [], "the document changed: make clients writes these anew"


def test_every_operation_is_a_method_of_its_own(described: dict[str, Any]) -> None:
    operations = operations_of(described)

    made = {f"{one.method} {one.path}" for one in operations}
    known = {
        f"{method.upper()} {path}" for path, item in described["paths"].items() for method in item
    }
    left_out = {one.replace(" ", f" {API}") for one in LEFT_OUT}
    assert known - made == BY_HAND | left_out
    named = Counter((one.subject, one.name) for one in operations)
    assert [name for name, times in named.items() if times > 1] == []
    assert {one.name for one in operations} >= set(NAMES.values())


def test_every_field_has_a_type() -> None:
    text = (CLIENTS / PYTHON[0]).read_text(encoding="utf-8")

    untyped = set(re.findall(r"^    (\w+): .*\bAny\b", text, re.MULTILINE))

    assert untyped == UNTYPED
