"""What pages say of settings, commands, targets, paths, metrics and SQL is there, and each default is its own.

tests/e2e/test_how_tos.py follows some of them on a running installation.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import click
import pytest
from click.testing import CliRunner
from starlette.routing import Match

from cli.main import main
from cli.reference import commands, root
from gateway import operator_api
from gateway.app import API_PREFIX, documents_of, open_routes, router_of
from runtime.context import connections_of_a_process, open_context
from runtime.settings import PREFIX, Settings, known_variables, load_settings
from tests.deploy.test_monitoring import declared, named_in
from tests.support.gateway import settings_of

ROOT = Path(__file__).parent.parent
# Decisions say how it was when they were taken, and the change log what became of it.
PAGES = sorted(
    path
    for path in (
        *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("gateway/docs/text/*.md"),
        *ROOT.glob("deploy/**/*.md"),
        *ROOT.glob("examples/*.md"),
    )
    if path.name not in ("changelog.md", "cli.md")
)
# Of the tests and of make, no settings of the product.
_OF_TOOLS = {"TOPUP_RECORD"}
_SETTING = re.compile(r"\bTOPUP_[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_…*])")
_DEFAULT = re.compile(
    r"`(TOPUP_[A-Z0-9_]+)` (?:\(|\| )(?:default:? )?(\d+(?:,\d{3})*)\b(?!,\d| rows| [GM]iB)"
)
# In a line of code or in the text, up to what ends a command.
_INLINE = re.compile(r"`(topup(?: [^`]+)?)`")
_IN_BLOCK = re.compile(r"(?:^|(?<!namespace)[\s(/])(topup [a-z][^|;&)<>]*)")
# Of PostgreSQL, by the settings as they are unless changed.
_CONNECTIONS = re.compile(
    r"(\d+) (?:connections (?:for each process|to the database)|for each (?:pod|process)\b)"
)
# Where a shell's own words follow, such as an ID that the reader fills in.
_SHELL = re.compile(r"^ *```(?:sh|console|bash)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_TARGET = re.compile(r"(?:`|^|&& )make ([a-z][a-z-]*)(?=$|[` &]| #)", re.MULTILINE)
_MODULE = re.compile(r"python -m (bench\.[a-z_]+)((?: +[^`\n ]+)*)")
_PYTEST = re.compile(r"pytest((?: tests/[\w./]+)+)(?: -k (\w+))?")
_CALL = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^` ?]+)")
_ADDRESS = re.compile(
    r"curl [^\n]*(?:https?://(?:pay|topup)\.[a-z.]+|http://127\.0\.0\.1:[$\w]+|\$URL|\$api)(/[^\s\"'`?>)]*)"
)
_METRIC = re.compile(
    r"\btopup_[a-z_]+(?=\{)|\btopup_[a-z_]+_(?:total|seconds|bytes|info|timestamp)\b"
)
_SQL = re.compile(r"`((?:SELECT|ALTER|REINDEX|VACUUM) [^`]+)`")
_PSQL = re.compile(r'psql [^"\n]*-c "([^"]+)"')
_LINK = re.compile(r"\]\((?!https?:)([\w./-]*)#([\w-]+)\)")
# Their options are of a measurement, of make's programs and of git.
_OF_OTHER_PROGRAMS = {
    "performance.md",
    "reliability.md",
    "releasing.md",
    "where.md",
    "modules.md",
    "scale.md",
}
# A file of the reader's, and an option that is only named.
_LEFT_OUT = ("No such file or directory", "does not exist", "requires an argument")
_WORD = re.compile(r"^[a-z][a-z-]*$")
_OPTION = re.compile(r"^--[a-z][a-z0-9-]*")


def test_each_file_that_where_names_is_there() -> None:
    known = {
        path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.*") if ".venv" not in path.parts
    }
    text = (ROOT / "docs/where.md").read_text(encoding="utf-8")
    missing, folder = [], ""
    for line in text.splitlines():
        for name in re.findall(
            r"`([\w./-]+\.(?:py|html|js|json|md|sql|yaml))`",
            re.sub(r"a folder with `[^`]*`( and `[^`]*`)?", "", line),
        ):
            if "/" in name:
                folder = name.rpartition("/")[0] + "/"
            if (name if "/" in name else folder + name) not in known:
                missing.append((folder, name))

    assert missing == []


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _blocks(text: str) -> Iterator[str]:
    """The lines of the page's shell blocks, whole where they go on in the next one."""
    for block in _SHELL.findall(text):
        yield from re.sub(r"\$\([^()]*\)", "filled-in", block.replace("\\\n", " ")).splitlines()


def _said(text: str) -> set[str]:
    """Each command of ours that the page names."""
    found = set(_INLINE.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
    for line in _blocks(text):
        found |= {one.partition(" # ")[0] for one in _IN_BLOCK.findall(line.partition("  #")[0])}
    return {one.strip() for one in found}


def _fault(command: str) -> str | None:
    """What of the command is not there, or can't be parsed; None: all of it is."""
    command = re.split(r"[|;<>'&]", re.sub(r" …(?= |$)", " filled-in", command))[0]
    try:
        words = shlex.split(command.replace("…", "0"))[1:]
    except ValueError:
        words = command.split()[1:]
    here: click.Command = main
    context = root()
    while isinstance(here, click.Group) and words and _WORD.match(words[0]):
        found = here.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]!r}"
        here, words = found, words[1:]
    known = {name for one in here.get_params(context) for name in (*one.opts, *one.secondary_opts)}
    wrong = [
        option[0]
        for word in words
        if (option := _OPTION.match(word)) and option[0] not in known | {"--help"}
    ]
    if wrong:
        return f"no option {', '.join(wrong)}"
    return None if not words or isinstance(here, click.Group) else _unparsed(here, words)


def _unparsed(command: click.Command, words: list[str]) -> str | None:
    """Return why the command line would refuse these words; what the reader fills in may be missing."""
    try:
        # A question of the command finds no answer.
        with CliRunner().isolation():
            command.make_context(command.name, list(words))
    except click.MissingParameter:
        return None
    except click.UsageError as error:
        said = error.format_message()
        return None if said.rstrip(".").endswith(_LEFT_OUT) else said
    except (click.exceptions.Exit, click.Abort):
        return None
    return None


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_each_setting_that_a_page_names_is_there(path: Path) -> None:
    named = set(_SETTING.findall(path.read_text(encoding="utf-8")))

    assert named - known_variables() - _OF_TOOLS == set()


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_each_command_and_option_that_a_page_names_is_there(path: Path) -> None:
    said = _said(path.read_text(encoding="utf-8"))

    assert {one: fault for one in sorted(said) if (fault := _fault(one))} == {}


def test_each_option_that_stands_alone_is_one_of_a_command() -> None:
    known = {"--help", "--env-file", "--version"} | {
        name
        for _, context in commands()
        for one in context.command.params
        for name in (*one.opts, *one.secondary_opts)
    }
    wrong = {
        f"{_name(path)}: {option}"
        for path in PAGES
        if path.parent.name == "docs" and path.name not in _OF_OTHER_PROGRAMS
        for option in re.findall(r"`(--[a-z][a-z-]*)", path.read_text(encoding="utf-8"))
        if option not in known
    }

    assert wrong == set()


def test_each_part_of_a_page_that_is_linked_is_there() -> None:
    parts = {path: _parts(path.read_text(encoding="utf-8")) for path in ROOT.glob("docs/*.md")}
    wrong = [
        f"{_name(path)}: {link}#{part}"
        for path in PAGES
        for link, part in _LINK.findall(path.read_text(encoding="utf-8"))
        if (target := (path.parent / link).resolve() if link else path) in parts
        and part not in parts[target]
    ]

    assert wrong == []


def _parts(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_each_default_that_a_page_names_is_the_settings_own(path: Path) -> None:
    wrong = {
        name: (said, default)
        for name, said in _DEFAULT.findall(path.read_text(encoding="utf-8"))
        if (field := Settings.model_fields.get(name.removeprefix(PREFIX).lower()))
        and isinstance(default := field.get_default(), int | float)
        and float(said.replace(",", "")) != default
    }

    assert wrong == {}


@pytest.mark.parametrize("name", ["docs/deploy.md", "docs/database.md", "docs/scale.md"])
def test_each_number_of_connections_that_a_page_names_is_a_processs_own(name: str) -> None:
    said = _CONNECTIONS.findall((ROOT / name).read_text(encoding="utf-8"))

    assert {int(one) for one in said} == {connections_of_a_process(load_settings())}


def test_each_block_for_a_shell_is_one_that_bash_reads() -> None:
    refused = {}
    for path in PAGES:
        blocks = _SHELL.findall(path.read_text(encoding="utf-8"))
        script = "\n".join(re.sub(r"^ *\$ ", "", block, flags=re.MULTILINE) for block in blocks)
        words = ["bash", "-n"]
        read = subprocess.run(words, input=script, capture_output=True, text=True, check=False)
        refused[_name(path)] = read.stderr

    assert {name: said for name, said in refused.items() if said} == {}


def test_each_target_of_make_that_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (_name(path), target)
        for path in PAGES
        for text in [path.read_text(encoding="utf-8")]
        for target in _TARGET.findall(
            "\n".join([*re.findall(r"`make [^`]+`", text), *_blocks(text)])
        )
    }

    assert {one for one in named if one[1] not in targets} == set()


def test_each_measurement_that_a_page_names_is_there_with_its_options() -> None:
    options_of_all = (ROOT / "bench/report.py").read_text(encoding="utf-8")
    wrong = []
    for path in PAGES:
        for module, said in _MODULE.findall(path.read_text(encoding="utf-8")):
            file = ROOT / f"{module.replace('.', '/')}.py"
            if not file.exists():
                wrong.append(f"{path.name}: {module}")
                continue
            known = file.read_text(encoding="utf-8") + options_of_all
            words = re.findall(r"--[a-z-]+|(?<=--only )[a-z-]+", said)
            wrong += [
                f"{path.name}: {module} {one}"
                for one in words
                if (f'"{one}"' if one.startswith("--") else f" {one} ") not in known
            ]

    assert wrong == []


def test_each_test_that_a_page_names_is_there() -> None:
    named = [hit for path in PAGES for hit in _PYTEST.findall(path.read_text(encoding="utf-8"))]
    wrong = [one for paths, _ in named for one in paths.split() if not (ROOT / one).exists()]
    wrong += [
        f"{path} -k {word}"
        for path, word in named
        if word
        and not re.search(rf"def test_\w*{word}", (ROOT / path.strip()).read_text(encoding="utf-8"))
    ]

    assert named
    assert wrong == []


@pytest.mark.one_database
async def test_each_path_that_a_page_calls_is_a_route(database_url: str, tmp_path: Path) -> None:
    settings = settings_of(database_url, tmp_path, operator_api="127.0.0.0/8")
    async with open_context(settings) as context:
        router, routes = router_of(context), open_routes(context, documents_of(context))

    def is_there(path: str) -> bool:
        at = {"type": "http", "method": "GET", "path": path}
        return router.match(path) is not None or any(
            route.matches(at)[0] != Match.NONE for route in routes
        )

    wrong = {
        f"{path.name}: {one}"
        for path in PAGES
        for one in _paths(path.read_text(encoding="utf-8"))
        if not any(is_there(prefix + one) for prefix in ("", API_PREFIX, operator_api.PREFIX))
    }

    assert wrong == set()


def _paths(text: str) -> set[str]:
    """Return the paths of this gateway that a page calls; `$api` is the API's address."""
    found = {re.sub(r"…|\$\w+", "x", one.rstrip(".,")) for one in _ADDRESS.findall(text)}
    return found | {path for _, path in _CALL.findall(text)}


def test_each_metric_that_a_page_names_is_declared() -> None:
    wrong = {
        f"{path.name}: {name}"
        for path in PAGES
        for name in named_in(" ".join(_METRIC.findall(path.read_text(encoding="utf-8"))))
        if name not in declared()
    }

    assert wrong == set()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_each_statement_that_a_page_names_runs(database_url: str) -> None:
    """Those that would change the server, or end a session, are parsed alone."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    said = {*_SQL.findall(text), *_PSQL.findall(text)}
    assert said
    connection = await asyncpg.connect(database_url)
    try:
        for one in sorted(said):
            statement = one.replace("…", "pg_backend_pid()").replace("(PID)", "(1)")
            if statement.startswith("SELECT"):
                await connection.execute(f"EXPLAIN {statement}")
            elif statement.startswith(("ALTER SYSTEM", "CHECKPOINT")):
                await connection.execute(
                    f"CREATE FUNCTION pg_temp.parsed() RETURNS void LANGUAGE plpgsql"
                    f" AS $_$ BEGIN {statement}; END $_$; DROP FUNCTION pg_temp.parsed()"
                )
            else:
                await connection.execute(statement)
    finally:
        await connection.close()
