"""A page asks our API for what a route of it does, and has no reading or writing of its own.

docs/decisions/0020-pages-ask-the-api.md says why.
"""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.test_tidy import ROOT, imports_of, name_of, shown, sources, tree_of

API = ROOT / "gateway" / "api"
DASHBOARD = ROOT / "gateway" / "dashboard"
# What a merchant does by a program, too.
RESOURCES = ("overview.py", "topups/", "money/", "developers/")
ACCOUNT = "account/"
# What this one does, a route does as well, in another way that a page cannot ask for: POST
# /keys/sandbox opens a sandbox account for a caller that has none, and signing up opens a real one.
STILL_BESIDE_THE_API = {
    ("gateway/dashboard/account/invitation.py", "billing.credits.opening.open_account"),
    ("gateway/dashboard/account/new_password.py", "billing.credits.opening.open_account"),
    ("gateway/dashboard/account/sign_up.py", "billing.credits.opening.open_account"),
}
_BELOW_GATEWAY = ("billing.", "webhooks.", "keys.")
_BEGINS_A_TRANSACTION = {"read", "transaction", "autocommit"}


def pages(*parts: str) -> Iterator[Path]:
    """The modules of gateway/dashboard; only what lies below the named parts, if there are any."""
    for path in sources():
        if path.is_relative_to(DASHBOARD):
            place = path.relative_to(DASHBOARD).as_posix()
            if not parts or place.startswith(parts):
                yield path


def names_used(path: Path) -> Iterator[str]:
    """Each imported name, and each attribute of one, with the module it comes from."""
    tree = tree_of(path)
    known = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    yield from known.values()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in known:
                yield f"{known[name]}.{attribute}"


def found_at(dotted: str) -> Any:
    """What the name stands for; None for an attribute of something that is no module."""
    module, _, name = dotted.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError:
        return None


def reads_or_writes(dotted: str) -> bool:
    """Whether it is a command, or a function that gets a transaction or the database."""
    if not dotted.startswith(_BELOW_GATEWAY):
        return False
    found = found_at(dotted)
    if inspect.isclass(found):
        return hasattr(found, "decide")
    return inspect.isfunction(found) and bool(
        {"tx", "database"} & set(inspect.signature(found).parameters)
    )


def acts_of(path: Path) -> set[str]:
    """The commands, reads and writes below gateway/ that the module names."""
    return {name for name in names_used(path) if reads_or_writes(name)}


def test_what_a_route_of_the_api_does_a_page_asks_the_api_for() -> None:
    routes = {act for path in sources() if path.is_relative_to(API) for act in acts_of(path)}
    both = {(name_of(path), act) for path in pages(*RESOURCES, ACCOUNT) for act in acts_of(path)}
    findings = {(name, act) for name, act in both if act in routes}

    assert "billing.bulk.batch.load" in routes
    assert "billing.topups.fulfilment.Settle" in routes
    assert findings == STILL_BESIDE_THE_API


def test_what_no_route_does_a_resources_page_leaves_to_one_named_function() -> None:
    findings = []
    for path in pages(*RESOURCES):
        for node in ast.walk(tree_of(path)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in _BEGINS_A_TRANSACTION
            ):
                work = node.args[0]
                if not (isinstance(work, ast.Lambda) and isinstance(work.body, ast.Call)):
                    findings.append(f"{name_of(path)}:{node.lineno} makes a transaction of its own")
        findings += [
            f"{name_of(path)}:{line} imports {module}"
            for line, module in imports_of(tree_of(path))
            if module == "store.database"
        ]

    assert not findings, shown(findings)


def test_no_page_has_a_statement_of_its_own() -> None:
    findings = [
        f"{name_of(path)}:{node.lineno} calls tx.{node.attr}"
        for path in pages()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "tx"
    ]

    assert not findings, shown(findings)
