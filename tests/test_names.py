"""A type has one name and a name one type, in each of the top folders."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.test_tidy import name_of, shown, sources, tree_of

# What an extension is written against, and what events are published as: names of the outside.
NAMES_OF_THE_OUTSIDE = {
    "billing/providers/protocol.py",
    "billing/fulfilment/protocol.py",
    "webhooks/events/schemas.py",
    "webhooks/events/money_schemas.py",
}
# In the folder of one of them the vendor's words are right.
FOLDERS_OF_VENDORS = ("billing/providers", "billing/fulfilment", "gateway/dialects")
BELOW_ALL = {"kernel", "store"}


def types_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, name) of each public class and type alias that the module defines."""
    for node in tree.body:
        match node:
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
                pass
            case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                is_capitalised = name[0].isupper() and not name.isupper()
                if is_capitalised:
                    yield node.lineno, name
            case _:
                pass


def is_of_a_vendor(path: Path) -> bool:
    return name_of(path.parent).startswith(tuple(f"{folder}/" for folder in FOLDERS_OF_VENDORS))


def public_types() -> dict[tuple[str, str], list[str]]:
    """(top folder, name) -> where it is defined."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in sources():
        if name_of(path) in NAMES_OF_THE_OUTSIDE or is_of_a_vendor(path):
            continue
        for line, kind in types_of(tree_of(path)):
            key = (name_of(path).partition("/")[0], kind)
            found.setdefault(key, []).append(f"{name_of(path)}:{line}")
    return found


def test_no_type_is_public_under_one_name_in_two_modules_of_a_top_folder() -> None:
    findings = [
        f"{kind} in {', '.join(places)}"
        for (_, kind), places in public_types().items()
        if len(places) > 1
    ]

    assert not findings, shown(findings)


def test_no_type_has_the_name_of_one_of_the_store_or_the_kernel() -> None:
    found = public_types()
    below = {kind: places[0] for (top, kind), places in found.items() if top in BELOW_ALL}
    findings = [
        f"{kind} in {places[0]} and {below[kind]}"
        for (top, kind), places in found.items()
        if top not in BELOW_ALL and kind in below
    ]

    assert not findings, shown(findings)
