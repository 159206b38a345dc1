"""What is generated in clients/ is what the generators make of the document today."""

import filecmp
from pathlib import Path

import pytest

from clients.generate import write
from tests.support.installation import ROOT

pytestmark = pytest.mark.one_database
CLIENTS = ROOT / "clients"
GENERATED = ("python/topup_gateway/generated", "typescript/src/generated.ts")
TABLES = "typescript/src/generated_tables.ts"


def files_of(folder: Path) -> dict[str, Path]:
    found = [folder / TABLES]
    for place in (folder / name for name in GENERATED):
        found += [place] if place.is_file() else [*place.rglob("*.py"), *place.rglob("py.typed")]
    return {path.relative_to(folder).as_posix(): path for path in found}


def test_make_clients_would_change_nothing(tmp_path: Path) -> None:
    write(tmp_path)

    made, kept = files_of(tmp_path), files_of(CLIENTS)
    changed = [
        name for name in made.keys() & kept.keys() if not filecmp.cmp(made[name], kept[name])
    ]
    found = sorted({*changed, *(made.keys() ^ kept.keys())})
    assert found == [], "the document changed: make clients writes these anew"
