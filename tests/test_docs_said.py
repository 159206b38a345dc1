"""What the pages say of settings and commands is so: each one that they name is there, and each default is its own."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.main import main
from cli.reference import root
from runtime.context import connections_of_a_process
from runtime.settings import PREFIX, Settings, known_variables, load_settings

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
    r"(\d+) (?:connections (?:of each process|to the database)|for each (?:pod|process)\b)"
)
_WORD = re.compile(r"^[a-z][a-z-]*$")
_OPTION = re.compile(r"^--[a-z][a-z0-9-]*")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _blocks(text: str) -> Iterator[str]:
    """The lines of the page's shell blocks, whole where they go on in the next one."""
    for block in re.findall(r"```(?:sh|console|bash)\n(.*?)```", text, re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()


def _said(text: str) -> set[str]:
    """Each command of ours that the page names."""
    found = set(_INLINE.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
    for line in _blocks(text):
        found |= {one.partition(" # ")[0] for one in _IN_BLOCK.findall(line.partition("  #")[0])}
    return {one.strip() for one in found}


def _fault(command: str) -> str | None:
    """What of the command is not there; None: all of it is."""
    try:
        words = shlex.split(command.replace("…", ""))[1:]
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
    return f"no option {', '.join(wrong)}" if wrong else None


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_each_setting_that_a_page_names_is_there(path: Path) -> None:
    named = set(_SETTING.findall(path.read_text(encoding="utf-8")))

    assert named - known_variables() - _OF_TOOLS == set()


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_each_command_and_option_that_a_page_names_is_there(path: Path) -> None:
    said = _said(path.read_text(encoding="utf-8"))

    assert {one: fault for one in sorted(said) if (fault := _fault(one))} == {}


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
