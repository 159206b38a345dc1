"""All acts and the doors that do them today, as tab-separated lines or as JSON:

    python -m tests.acts_matrix [--json] [SUBJECT]

An act is an action of the audit log, as the recordings saw it written, or an operation of the API. Nothing here is kept by
hand: routes, commands, forms and tools are read from their own tables, and what each writes from tests/recordings.
"""

import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import click

from cli.reference import commands
from gateway.dashboard.surface import PAGES
from gateway.http.routing import Router
from gateway.mcp.tools import TOOLS
from gateway.openapi.operations import operation_id
from gateway.surfaces import API, API_PREFIX
from tests.support.recordings import RECORDINGS

DOORS: Final = ("routes", "commands", "forms", "tools")
ROOT: Final = Path(__file__).parents[1]
_ACTION: Final = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_.]*")
_PACKAGES: Final = ("billing", "gateway", "keys", "webhooks", "runtime", "cli", "worker")
Acts = dict[str, dict[str, set[str]]]


def acts() -> Acts:
    """Doors by act: the routes that the API has, and what the recordings saw every command and form do."""
    found: Acts = defaultdict(lambda: {door: set() for door in DOORS})
    names = _operations()
    for name in names.values():
        found[name]["routes"].add(name)
    for tool in TOOLS.values():
        for path in tool.paths:
            found[names[tool.method, path]]["tools"].add(tool.name)
    for door in ("commands", "forms"):
        for words, actions, requests in _recorded(RECORDINGS / door):
            routes = {names[one] for one in requests if one in names}
            changing = {names[one] for one in requests if one in names and one[0] != "GET"}
            for act in actions | routes:
                found[act][door].add(words)
            for action in actions:
                # A command over HTTP asks for the route that wrote it.
                found[action]["routes"] |= changing
    return found


def unrecorded() -> Mapping[str, list[str]]:
    """Actions that the code can write and no recording saw, commands and forms that wrote and asked for nothing."""
    known = acts()
    doors = {door: {one for row in known.values() for one in row[door]} for door in DOORS}
    every = {path for path, context in commands() if not isinstance(context.command, click.Group)}
    forms = {f"POST {one.template}" for one in Router(PAGES) if "POST" in one.routes}
    return {
        "actions": sorted(_actions_of_the_code() - set(known)),
        "commands": sorted(every - doors["commands"]),
        "forms": sorted(forms - doors["forms"]),
    }


def _operations() -> dict[tuple[str, str], str]:
    return {
        (method, one.template.removeprefix(API_PREFIX)): operation_id(route, one)
        for one in Router((API,))
        for method, route in one.routes.items()
    }


def _recorded(folder: Path) -> Iterator[tuple[str, set[str], set[tuple[str, str]]]]:
    """Each recorded call's command or form, the actions that it wrote, and the requests that it made."""
    for file in sorted(folder.glob("*.txt")):
        for part in re.split(r"^=== ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            words, _, calls = part.partition("\n")
            for call in calls.split("\n--- "):
                actions = set(re.findall(r"^audit ([\w.]+):", call, re.MULTILINE))
                requests = set(re.findall(r"^request (\w+) (\S+)", call, re.MULTILINE))
                yield words, actions, requests


@cache
def _actions_of_the_code() -> frozenset[str]:
    """Words such as key.created, as they stand in a call of what writes the audit log."""
    found = set()
    for package in _PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            if "audit" in text or "tell(" in text:
                found |= set(_audited(ast.parse(text)))
    return frozenset(found)


def _audited(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in _WRITERS:
            words = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
            yield from (one for one in words if isinstance(one, str) and _ACTION.fullmatch(one))


_WRITERS: Final = {"entry", "security", "record_change", "tell", "record_act"}


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def main(words: list[str]) -> None:
    """Print the acts of a subject, or all; then what no recording saw."""
    subject = next((word for word in words if not word.startswith("-")), "")
    rows = {act: row for act, row in sorted(acts().items()) if subject in act}
    if "--json" in words:
        listed = {act: {door: sorted(row[door]) for door in DOORS} for act, row in rows.items()}
        click.echo(json.dumps({"acts": listed, "unrecorded": unrecorded()}, indent=1))
        return
    click.echo("\t".join(("act", *DOORS)))
    for act, row in rows.items():
        click.echo("\t".join((act, *(", ".join(sorted(row[door])) for door in DOORS))))
    for kind, names in unrecorded().items():
        click.echo(f"# {kind} that no recording saw write or ask for anything: {', '.join(names)}")


if __name__ == "__main__":
    main(sys.argv[1:])
