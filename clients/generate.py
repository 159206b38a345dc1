"""Write what is generated in clients/ from /openapi.json: `make clients`.

Types are written by datamodel-code-generator and openapi-typescript, the calls by the templates beside this file.
Refusals are left out: the part that is written by hand raises them as errors.
"""

import json
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import jinja2

from clients.operations import Operation, operations_of
from gateway.http.routing import Router
from gateway.openapi.document import document
from gateway.openapi.operations import is_ours
from gateway.openapi.schemas import PLACE, pruned
from gateway.surfaces import SURFACES
from tests.support.node import run_tool

HERE: Final = Path(__file__).parent
SCRIPTS: Final = Path(sysconfig.get_path("scripts"))
PYTHON: Final = tuple(
    Path("python/topup_gateway", name)
    for name in ("models.py", "requests.py", "operations.py", "async_operations.py")
)
TYPESCRIPT: Final = tuple(Path("typescript/src", name) for name in ("types.ts", "operations.ts"))
_HEADER: Final = "Made by `make clients`: changes here are lost."
_TYPES: Final = (
    "--input-file-type=openapi",
    "--openapi-scopes=schemas",
    "--target-python-version=3.11",
    "--enum-field-as-literal=all",
    "--use-type-alias",
    "--use-schema-description",
    "--use-field-description",
    "--use-single-line-docstring",
    "--use-double-quotes",
    "--disable-timestamp",
    "--keep-model-order",
    "--formatters=builtin",
    f'--custom-file-header="""What the API takes and answers. {_HEADER}"""',
)
_MODELS: Final = (
    "--output-model-type=pydantic_v2.BaseModel",
    "--base-class=topup_gateway.answers.Model",
)
_REQUESTS: Final = ("--output-model-type=typing.TypedDict", "--output-datetime-class=datetime")
_ROOTS: Final = ("--root-types", "--root-types-no-schema-prefix")
# What a type says. Bounds and patterns are the gateway's to check.
_KEPT: Final = ("$ref", "type", "required", "enum", "const")


def write(folder: Path) -> None:
    """Write everything that is generated, below the folder."""
    described = of_clients()
    operations = operations_of(described)
    for path in (*PYTHON, *TYPESCRIPT):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    write_python(described, operations, *(folder / path for path in PYTHON))
    write_typescript(described, operations, *(folder / path for path in TYPESCRIPT))


def of_clients() -> dict[str, Any]:
    """Return the document of our own API, with successes alone, as JSON if they can be."""
    router = Router(SURFACES)
    whole: dict[str, Any] = json.loads(json.dumps(document(router, "/")))
    ours = {resource.template for resource in router if is_ours(resource)}
    whole["paths"] = {path: item for path, item in whole["paths"].items() if path in ours}
    for operation in _each(whole):
        operation["responses"] = {
            status: {"content": _json_of(response.get("content", {}))}
            for status, response in operation["responses"].items()
            if status.startswith("2")
        }
        if "requestBody" in operation:
            operation["requestBody"] = {"content": _json_of(operation["requestBody"]["content"])}
    return whole


def _json_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    return {kind: one for kind, one in content.items() if kind == "application/json"} or content


def _each(described: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in described["paths"].values():
        yield from item.values()


def answers_of(
    described: Mapping[str, Any], operations: list[Operation], *, is_open: bool
) -> dict[str, Any]:
    """Return the schemas of answers and events. is_open: another word than those known is an answer, too."""
    names = {name for one in operations for name in one.answers}
    names |= {"Error", "Event", "PaidTopUp", *event_names(described)}
    roots = [{"$ref": PLACE + name} for name in sorted(names)]
    found = pruned(described["components"]["schemas"], roots)
    return {name: plain(schema, is_open=is_open) for name, schema in found.items()}


def requests_of(described: Mapping[str, Any], operations: list[Operation]) -> dict[str, Any]:
    """Return the schemas of bodies, and one for the query of each operation that has no body."""
    bodies = [one.get("requestBody") for one in _each(described)]
    queries = [one.query for one in operations]
    found = pruned(described["components"]["schemas"], [*bodies, *queries])
    made = {name: plain(schema) for name, schema in found.items()}
    for one in operations:
        if one.query and not one.has_body:
            properties = {name: plain(schema) for name, schema in one.query.items()}
            about = f"The filters of {one.subject}.{one.name}."
            schema = {"type": "object", "description": about, "properties": properties}
            made[_pascal(one.fields)] = schema
    return made


def event_names(described: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the type of each event by the name of its schema."""
    bodies = {
        kind: item["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        for kind, item in described["webhooks"].items()
    }
    return {str(place).removeprefix(PLACE): kind for kind, place in bodies.items()}


def plain(schema: Mapping[str, Any], *, is_open: bool = False) -> dict[str, Any]:
    """Return what a type says of the schema."""
    kept: dict[str, Any] = {name: schema[name] for name in _KEPT if name in schema}
    if "description" in schema:
        kept["description"] = " ".join(schema["description"].split())
    if schema.get("format") == "date-time":
        kept["format"] = "date-time"
    for name in ("items", "additionalProperties"):
        if name in schema and schema[name] is not False:
            kept[name] = schema[name] is True or plain(schema[name], is_open=is_open)
    for name in ("anyOf", "oneOf"):
        if name in schema:
            kept[name] = [plain(one, is_open=is_open) for one in schema[name]]
    if "properties" in schema:
        fields = schema["properties"].items()
        kept["properties"] = {name: plain(one, is_open=is_open) for name, one in fields}
    if is_open and "enum" in kept and isinstance(kept["enum"][0], str):
        kept.pop("type", None)
        kept["anyOf"] = [{"type": "string", "enum": kept.pop("enum")}, {"type": "string"}]
    return kept


def write_python(
    described: Mapping[str, Any],
    operations: list[Operation],
    models: Path,
    requests: Path,
    calls: Path,
    async_calls: Path,
) -> None:
    """Write the modules of PYTHON."""
    _write_types(models, answers_of(described, operations, is_open=True), *_MODELS)
    with models.open("a", encoding="utf-8") as file:
        file.write(f"\n\nTypedEvent = {' | '.join(event_names(described))}\n")
    bodies = requests_of(described, operations)
    for schema in bodies.values():
        # A word of Python can't be an argument, so that of `from` is `from_`.
        if "from" in schema.get("properties", {}):
            schema["properties"]["from_"] = schema["properties"].pop("from")
    _write_types(requests, bodies, *_REQUESTS)
    calls.write_text(_rendered("operations.py.jinja", operations, a=""), encoding="utf-8")
    async_calls.write_text(_rendered("operations.py.jinja", operations, a="Async"), "utf-8")
    plainly = ("--quiet", "--isolated", "--no-cache", "--line-length=100")
    ours = '--config=lint.isort.known-first-party=["topup_gateway"]'
    written = (models, requests, calls, async_calls)
    _run("ruff", "check", "--fix-only", "--select=F,I,UP", ours, *plainly, *written)
    _run("ruff", "format", "--config=format.skip-magic-trailing-comma=true", *plainly, *written)


def write_typescript(
    described: Mapping[str, Any], operations: list[Operation], types: Path, calls: Path
) -> None:
    """Write the modules of TYPESCRIPT."""
    answers = answers_of(described, operations, is_open=False)
    with _document(answers | requests_of(described, operations)) as given:
        done = run_tool("openapi-typescript", given, *_ROOTS, "--output", types)
    if done.returncode:
        sys.exit(done.stderr)
    events = event_names(described)
    text = types.read_text(encoding="utf-8")
    text += f"\nexport type TypedEvent = {' | '.join(events)};\n"
    kinds = "".join(f'  "{kind}",\n' for kind in events.values())
    text += f"export const EVENT_TYPES: ReadonlySet<string> = new Set([\n{kinds}]);\n"
    types.write_text(f"/** {_HEADER} */\n\n{text}", encoding="utf-8")
    calls.write_text(_rendered("operations.ts.jinja", operations), encoding="utf-8")


def _rendered(template: str, operations: Iterable[Operation], **given: str) -> str:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), undefined=jinja2.StrictUndefined, autoescape=False
    )
    made.filters |= {
        "pascal": _pascal,
        "camel": _camel,
        "as_model": "models.{}".format,
        "as_type": "types.{}".format,
        "quoted": lambda path: re.sub(r"{(\w+)}", r"{in_path(\1)}", path),
        "templated": lambda path: re.sub(
            r"{(\w+)}", lambda found: f"${{inPath({_camel(found[1])})}}", path
        ),
        "as_argument": lambda name: f"{_camel(name)}: string",
    }
    subjects = [(name, list(found)) for name, found in groupby(operations, lambda one: one.subject)]
    return made.get_template(template).render(subjects=subjects, **given)


def _pascal(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _camel(name: str) -> str:
    return name[0] + _pascal(name)[1:]


def _write_types(path: Path, schemas: Mapping[str, Any], *options: str) -> None:
    with _document(schemas) as given:
        _run("datamodel-codegen", "--input", given, "--output", path, *_TYPES, *options)


@contextmanager
def _document(schemas: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the path of a document of these schemas alone."""
    about = {"openapi": "3.1.0", "info": {"title": "", "version": ""}, "paths": {}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "openapi.json"
        path.write_text(json.dumps({**about, "components": {"schemas": schemas}}), "utf-8")
        yield path


def _run(program: str, *arguments: str | Path) -> None:
    """Run a program that is installed beside our Python."""
    subprocess.run([SCRIPTS / program, *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    write(HERE)
