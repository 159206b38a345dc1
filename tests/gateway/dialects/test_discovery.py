"""A dialect is one new file, and dialects know nothing of each other."""

import ast
from pathlib import Path

from gateway.dialects.discovery import FOLDER, discover
from gateway.http.routing import Router

TOY = """
from gateway.answers.answer import plain_answer
from gateway.http.routing import Route, ApiSurface


async def hello(call):
    return plain_answer({"hello": call.principal.environment})


def refuse(refusal, _now_us):
    return plain_answer([refusal.detail], http_status=refusal.http_status)


ROUTES = (Route("GET", "/hello", hello, "Say hello", scopes=("billing:read",)),)
SURFACES = (ApiSurface("/toy/v1", ROUTES, refuse), ApiSurface("/toy/v2", ROUTES, refuse))
"""


def test_the_built_in_dialects_are_found(tmp_path: Path) -> None:
    assert {"/api/user", "/api/billing"} <= {surface.prefix for surface in discover()}


def test_a_file_in_a_folder_is_a_dialect(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "_part_of_one.py").write_text("raise AssertionError('never loaded')")

    found = discover(tmp_path)

    assert [surface.prefix for surface in found[-2:]] == ["/toy/v1", "/toy/v2"]
    assert Router(found).find("/toy/v2/hello") is not None


def test_no_dialect_imports_another() -> None:
    for path in FOLDER.glob("*.py"):
        imported = [
            node.module or ""
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
        ]
        assert not [module for module in imported if module.startswith("gateway.dialects")]
