"""The rules that a reader relies on, checked on the source itself. A rule without a check is a wish."""

import ast
import functools
import graphlib
import itertools
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEMPLATES = ROOT / "gateway/templates"
# Who may import whom: each package the ones after its own row, never its own row's neighbour.
ROWS = (
    {"cli"},
    {"gateway", "worker"},
    {"runtime"},
    {"billing"},
    {"webhooks"},
    {"keys"},
    {"store"},
    {"kernel"},
)
RANK = {package: rank for rank, row in enumerate(ROWS) for package in row}
PACKAGES = sorted(RANK)
FUNCTION_LINES_MAX = 60

SPEAKS_OF_DATABASES = {"store", "cli"}
# The log also masks what a driver's own error would print, should one ever get past the store.
SPEAKS_OF_DATABASES_TOO = {"runtime/settings.py", "runtime/log.py"}
KNOWS_ARQ = {"runtime/redis_link.py", "runtime/woken_worker.py", "worker/main.py"}
SAYS_WHY_LATE = re.compile(r"# noqa: (?:F401, )?PLC0415 \w")
# tx.insert's own text, and erasing an account, which crosses the owners of tables and says so.
WRITES_ANY_TABLE = {"store/statement.py", "store/erase.py", "store/row_mapping.py"}

_TABLE = re.compile(r"^(?P<comment>(?:#.*\n)+)\w+ = _table\(\n    \"(?P<name>\w+)\"", re.MULTILINE)
_MACROS = re.compile(r'{% from "[^"]+" import ([^%]+?)(?: with context)? %}')
_MODULE_NAME = re.compile(r"\b\w+(?:/\w+)+\.py\b")
_WRITE = re.compile(r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)")
_WRITE_OF_A_NAME = re.compile(r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+$")


def sources(*, with_tests: bool = False) -> Iterator[Path]:
    for folder in [*PACKAGES, *(["tests", "bench"] if with_tests else [])]:
        yield from sorted((ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), name_of(path))


@functools.cache
def nodes_of(tree: ast.AST) -> Sequence[ast.AST]:
    """The tree's nodes: several rules look at each of them."""
    return tuple(ast.walk(tree))


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, module) of each import; `from a import b` counts as a.b as well, it may be a module."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def functions_of(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes_of(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstrings_of(tree: ast.AST) -> set[int]:
    """Identities of the constants that are docstrings or loose strings: prose, not code."""
    return {id(node.value) for node in nodes_of(tree) if isinstance(node, ast.Expr)}


def words_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name and every text of the code; comments and docstrings are prose and may explain."""
    prose = docstrings_of(tree)
    for node in nodes_of(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Constant(value=str(text)) if id(node) not in prose:
                yield line, text
            case ast.Name(id=name) | ast.arg(arg=name) | ast.alias(name=name):
                yield line, name
            case ast.Attribute(attr=name):
                yield line, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield line, name
            case ast.ClassDef(name=name):
                yield line, name
            case _:
                pass


def modules() -> dict[str, Path]:
    """Dotted name -> file, packages by their own name."""
    found = {}
    for path in sources():
        dotted = name_of(path).removesuffix(".py").replace("/", ".")
        found[dotted.removesuffix(".__init__")] = path
    return found


def shown(findings: list[str]) -> str:
    return "\n" + "\n".join(findings)


# Imports


def test_imports_go_down_the_layers_only() -> None:
    findings = []
    for path in sources():
        package = name_of(path).partition("/")[0]
        for line, module in imports_of(tree_of(path)):
            other = module.partition(".")[0]
            if module.startswith(".") or (
                other in RANK and other != package and RANK[other] <= RANK[package]
            ):
                findings.append(f"{name_of(path)}:{line} imports {module}")

    assert not findings, shown(findings)


def test_modules_import_each_other_in_no_circle() -> None:
    known = modules()
    graph = {}
    for dotted, path in known.items():
        # A package's own __init__ is loaded before its modules and imports none of them.
        graph[dotted] = {module for _, module in imports_of(tree_of(path)) if module in known} - {
            dotted
        }
        if path.name != "__init__.py":
            graph[dotted] -= {dotted.rpartition(".")[0]}

    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_an_import_inside_a_function_says_why() -> None:
    findings = [
        f"{name_of(path)}:{line} imports {module} inside {function.name}"
        for path in sources(with_tests=True)
        for function in functions_of(tree_of(path))
        for line, module in imports_of(function)
        if not SAYS_WHY_LATE.search(path.read_text().splitlines()[line - 1])
    ]

    assert not findings, shown(findings)


def test_each_macro_that_a_template_imports_is_used() -> None:
    """Templates that others extend may import for their blocks."""
    texts = {
        path.relative_to(TEMPLATES).as_posix(): path.read_text(encoding="utf-8")
        for path in TEMPLATES.rglob("*.html")
    }
    extended = {hit for text in texts.values() for hit in re.findall(r'extends "([^"]+)"', text)}
    unused = []
    for name in texts.keys() - extended:
        imported = _MACROS.findall(texts[name])
        rest = _MACROS.sub("", texts[name])
        macros = [one.split()[-1] for line in imported for one in line.split(",")]
        unused += [f"{name}: {one}" for one in macros if not re.search(rf"\b{one}\b", rest)]

    assert len(texts) > 100
    assert unused == []


def test_a_module_that_is_known_is_imported_by_a_statement() -> None:
    """The rules above read statements: what import_module loads by its name, they would not see."""
    findings = [
        f"{name_of(path)}:{node.lineno} {ast.unparse(node)}"
        for path in sources()
        for node in nodes_of(tree_of(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")
        if isinstance(node.args[0], ast.Constant | ast.JoinedStr)
    ]

    assert not findings, shown(findings)


def test_three_files_know_arq() -> None:
    findings = {
        name_of(path)
        for path in sources()
        for _, module in imports_of(tree_of(path))
        if module.partition(".")[0] == "arq"
    }

    assert findings <= KNOWS_ARQ


def test_the_databases_are_named_in_the_store_only() -> None:
    findings = []
    for path in sources():
        name = name_of(path)
        if name.partition("/")[0] in SPEAKS_OF_DATABASES or name in SPEAKS_OF_DATABASES_TOO:
            continue
        for line, word in words_of(tree_of(path)):
            if re.search("sqlite|postgres|asyncpg", word, re.IGNORECASE):
                findings.append(f"{name}:{line} says {word.strip()[:60]!r}")

    assert not findings, shown(findings)


def test_answers_are_made_in_the_gateway_only() -> None:
    # HTTP statuses and envelopes are known to nobody below; the store takes a code out of an answer.
    findings = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources()
        if not name_of(path).startswith("gateway/") and name_of(path) != "store/idempotency.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        if isinstance(node.func, ast.Name | ast.Attribute)
        if ast.unparse(node.func).rpartition(".")[2] == "StoredAnswer"
    ]

    assert not findings, shown(findings)


def test_no_wait_can_lose_a_cancellation() -> None:
    # asyncio.wait_for of Python 3.11 does, where its end and the cancellation meet: a worker that
    # would not stop. asyncio.timeout does not.
    findings = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources()
        for node in nodes_of(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr == "wait_for"
        if isinstance(node.value, ast.Name) and node.value.id == "asyncio"
    ]

    assert not findings, shown(findings)


# Size


def test_functions_fit_on_a_screen() -> None:
    findings = [
        f"{name_of(path)}:{function.lineno} {function.name} has {lines} lines"
        for path in sources(with_tests=True)
        # A migration is a list of statements, written by a machine.
        if "/migrations/versions/" not in name_of(path)
        for function in functions_of(tree_of(path))
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    ]

    assert not findings, shown(findings)


# Words


def test_each_module_says_what_it_promises() -> None:
    findings = [name_of(path) for path in sources() if not ast.get_docstring(tree_of(path))]

    assert not findings, shown(findings)


def test_each_folder_of_source_is_a_package_that_is_shipped() -> None:
    folders = {name_of(path.parent).replace("/", ".") for path in sources()}
    initialised = {dotted for dotted, path in modules().items() if path.name == "__init__.py"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert folders == initialised
    assert initialised == set(project["tool"]["setuptools"]["packages"])


# Tables


def writers() -> dict[str, set[str]]:
    """Table -> the modules that its comment in the schema names."""
    text = (ROOT / "store/schema.py").read_text(encoding="utf-8")
    return {
        match["name"]: set(_MODULE_NAME.findall(match["comment"]))
        for match in _TABLE.finditer(text)
    }


def writes_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, table) of each statement that writes; the table is empty where it is not spelled out."""
    prose = docstrings_of(tree)
    for node in nodes_of(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in prose:
                yield from ((node.lineno, table) for table in _WRITE.findall(text))
            case ast.JoinedStr(values=parts):
                for part, after in itertools.pairwise(parts):
                    is_open = (
                        isinstance(part, ast.Constant)
                        and isinstance(after, ast.FormattedValue)
                        and _WRITE_OF_A_NAME.search(str(part.value))
                    )
                    if is_open:
                        yield node.lineno, ""
            case (
                ast.Call(
                    func=ast.Attribute(attr="insert" | "insert_deferred", value=ast.Name(id="tx")),
                    args=[table, *_],
                )
                | ast.Call(
                    func=ast.Attribute(attr="update_and_insert", value=ast.Name(id="tx")),
                    args=[_, table, *_],
                )
                | ast.Call(func=ast.Name(id="update"), args=[_, table, *_])
            ):
                yield node.lineno, str(table.value) if isinstance(table, ast.Constant) else ""
            case _:
                pass


def test_each_table_names_its_writers() -> None:
    found = writers()
    text = (ROOT / "store/schema.py").read_text(encoding="utf-8")

    assert len(found) == text.count(" = _table(")
    assert [table for table, named in found.items() if not named] == []


def test_each_table_is_written_by_its_writers_only() -> None:
    allowed = writers()
    written: dict[str, set[str]] = {table: set() for table in allowed}
    findings = []
    for path in sources():
        name = name_of(path)
        for line, table in writes_of(tree_of(path)):
            if table in allowed:
                written[table].add(name)
            is_stranger = table in allowed and name not in allowed[table]
            if (is_stranger or table == "") and name not in WRITES_ANY_TABLE:
                findings.append(f"{name}:{line} writes {table or 'a table that it does not spell'}")

    assert not findings, shown(findings)
    # A writer that writes no longer is a stale word in the schema.
    assert {table: allowed[table] - written[table] for table in allowed} == {
        table: set() for table in allowed
    }


def test_working_sets_load_and_write_in_one_order() -> None:
    # Of two of one rank, two batches could lock what tenants share the other way round.
    ranks: list[tuple[int, str]] = []
    unranked: list[str] = []
    for path in sources():
        for node in ast.walk(tree_of(path)):
            match node:
                case ast.ClassDef(name=name, bases=[ast.Name(id=base)], body=body) if base.endswith(
                    "WorkingSet"
                ):
                    said = [one for one in body if ast.unparse(one).startswith("rank = ")]
                    ranks += [(int(ast.unparse(one).split()[-1]), name) for one in said]
                    unranked += [] if said else [name]
                case _:
                    pass

    assert (10, "TopUpWorkingSet") in ranks
    assert len({rank for rank, _ in ranks}) == len(ranks), sorted(ranks)
    # What orders and subscriptions have in common; no batch has one of its own.
    assert unranked == ["SaleWorkingSet"]
