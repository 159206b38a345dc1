"""Which room lies above which inside the top folders, how large a room may be, and that documents
name what exists. docs/architecture.md says the same for people.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support import module_map
from tests.test_texts import texts
from tests.test_tidy import (
    PACKAGES,
    RANK,
    ROOT,
    docstrings_of,
    imports_of,
    name_of,
    nodes_of,
    shown,
    sources,
    tree_of,
    writers,
)

# The lowest first; those of one row do not know each other. "" is what lies in the folder itself.
ROOMS: dict[str, tuple[set[str], ...]] = {
    "billing": (
        {"ledger"},
        {"checkpoints", "engine", "providers"},
        {"records"},
        {"topups"},
        {"usage", "credits", "fulfilment", "recipients", "bulk"},
        {"accounts", "catalog", "team", "manual_review", "recharges"},
        {"orders", "machine_payments"},
        {"subscriptions"},
        {"documents"},
        {"payments"},
        {"proof"},
        {"reconciliation"},
        {"refunds"},
        {"reports"},
    ),
    "gateway": (
        {"answers"},
        {"http"},
        {"html"},
        {"api"},
        {"dialects", "x402"},
        {"surfaces", "operator_api"},
        {"openapi"},
        {"repair"},
        {"docs"},
        {"authorization"},
        {"dashboard", "mcp"},
        {"app"},
    ),
    "webhooks": (
        {"http"},
        {"deliveries"},
        {"events"},
        {"endpoints"},
        {"delivery_log", "replays", "certification"},
        {"subscriptions"},
    ),
    "keys": (
        {"signatures"},
        {""},
        {"sign_in"},
        {"api_keys"},
        {"tokens"},
        {"oauth"},
        {"authorization"},
        {"authenticator"},
    ),
    "store": (
        {""},
        {"kept"},
        {"sqlite", "postgresql"},
        {"migrations"},
        {"open"},
        {"migrate", "backup"},
    ),
}
# What reads all tables: the proof of the ledger, and erasing an account.
READS_ANY_TABLE = {
    "billing/ledger/audit.py",
    "billing/ledger/audit_rules.py",
    "billing/ledger/audit_topups.py",
    "billing/ledger/rule.py",
    "billing/proof/logged_settings.py",
    "billing/proof/sales.py",
    "billing/proof/spent_windows.py",
    "billing/proof/standing_rows.py",
    "billing/proof/told_events.py",
    "billing/records/kind.py",
    "store/erase.py",
}
# What reads one table of a higher room, and why; the list may only shrink.
READS_UPWARDS = {
    # A notification waits in the environment of its order.
    ("billing/providers/event_log.py", "orders"),
    # The names of the credentials that acted.
    ("keys/audit_log.py", "api_keys"),
    ("keys/audit_log.py", "access_tokens"),
    # Which older code goes on with a newer schema; migrating writes it.
    ("store/version.py", "schema_notes"),
}
_READ = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)")
# Where code names a file: from the root, beside it, or as templates and tests are named from their own folders.
_FILE = re.compile(
    r"(?<![\w/.{*-])((?:"
    + "|".join((*PACKAGES, "tests", "bench", "docs"))
    + r")/[\w./-]*\.(?:py|md|html|js|css|po|json|yaml))\b"
)
_NAMED_FROM = (ROOT, ROOT / "tests", ROOT / "gateway/templates")
# Where commands and files of operators are named that are not ours.
_PATH = re.compile(r"(?<![\w/.{*-])((?:" + "|".join(PACKAGES) + r"|tests|bench|docs)/[\w./-]*\w)")


def room_of(package: str, module: str) -> str:
    """The room of billing.orders.place is orders; of keys.caps it is the folder itself."""
    name = module.split(".")[1] if "." in module else ""
    return name if any(name in row for row in ROOMS[package]) else ""


def rooms_upwards() -> Iterator[tuple[str, int, str]]:
    """(file, line, module) of each import of a higher room, or of a neighbour in the same row."""
    for path in sources():
        name = name_of(path)
        package = name.partition("/")[0]
        if package not in ROOMS:
            continue
        rank = {room: number for number, row in enumerate(ROOMS[package]) for room in row}
        own = room_of(package, name.removesuffix(".py").replace("/", "."))
        for line, module in imports_of(tree_of(path)):
            if not module.startswith(f"{package}."):
                continue
            other = room_of(package, module)
            assert other in rank, f"{module} lies in no room of {package}"
            if other != own and rank[other] >= rank[own]:
                yield name, line, module


def test_imports_inside_a_folder_go_down_its_rooms_only() -> None:
    findings = [f"{name}:{line} imports {module}" for name, line, module in rooms_upwards()]

    assert not findings, shown(findings)


def height_of(name: str) -> tuple[int, int]:
    """How high a module lies: its folder's row from below, then its room's."""
    package = name.partition("/")[0]
    rooms = ROOMS.get(package, ())
    own = room_of(package, name.removesuffix(".py").replace("/", ".")) if rooms else ""
    return -RANK[package], next((row for row, names in enumerate(rooms) if own in names), 0)


def tables_read(path: Path) -> Iterator[tuple[int, str]]:
    """(line, name) of what a module's statements read from."""
    prose = docstrings_of(tree_of(path))
    for node in nodes_of(tree_of(path)):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in prose:
                yield from ((node.lineno, table) for table in _READ.findall(text))
            case _:
                pass


def test_a_table_is_read_by_its_own_room_and_those_above() -> None:
    owners = {table: min(height_of(one) for one in named) for table, named in writers().items()}
    found = [
        (name_of(path), line, table)
        for path in sources()
        for line, table in tables_read(path)
        if name_of(path) not in READS_ANY_TABLE
        and name_of(path).partition("/")[0] in RANK
        and height_of(name_of(path)) < owners.get(table, (-len(RANK), 0))
    ]
    findings = [
        f"{name}:{line} reads {table}"
        for name, line, table in found
        if (name, table) not in READS_UPWARDS
    ]

    assert not findings, shown(findings)
    assert {(name, table) for name, _, table in found} == READS_UPWARDS, "one that nothing needs"


def test_each_path_that_a_document_names_exists() -> None:
    findings = []
    for path in texts():
        if path.suffix != ".md" or path.resolve().name == "CHANGELOG.md":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            findings += [
                f"{name_of(path)}:{number} names {named}"
                for named in _PATH.findall(line)
                if not ((ROOT / named).exists() or (path.parent / named).exists())
            ]

    assert not findings, shown(findings)


def test_each_file_that_the_code_names_exists() -> None:
    findings = [
        f"{name_of(path)} names {named}"
        for path in sources(with_tests=True)
        for named in _FILE.findall(path.read_text(encoding="utf-8"))
        if not any((place / named).exists() for place in (path.parent, *_NAMED_FROM))
    ]

    assert not findings, shown(findings)


def test_the_module_map_is_of_the_modules() -> None:
    kept = (ROOT / "docs" / "modules.md").read_text(encoding="utf-8")

    assert kept == module_map.page(), "run `make docs`"
