"""The help teaches, its examples are true, and the page of it cannot drift."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.completion import SHELLS
from cli.main import COMMANDS, GROUPS, main
from cli.output import EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE
from cli.reference import commands, page

ROOT = Path(__file__).parent.parent.parent
ALL = dict(commands())
BASH = shutil.which("bash")
# They run until they are stopped, or print what a shell reads.
WITHOUT_JSON = {"topup dev", "topup serve", "topup worker", "topup completion"}


def examples_of(context: click.Context) -> list[str]:
    lines = (context.command.epilog or "").splitlines()
    return [line.strip() for line in lines if line.strip().startswith(("topup ", "eval "))]


def found_in(words: list[str]) -> tuple[click.Context, list[str]]:
    """The command that the words name, and the rest of them."""
    path = [words.pop(0)]
    while words and " ".join([*path, words[0]]) in ALL:
        path.append(words.pop(0))
    return ALL[" ".join(path)], words


def options_of(context: click.Context) -> list[click.Option]:
    return [one for one in context.command.params if isinstance(one, click.Option)]


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_examples_that_it_understands(path: str) -> None:
    lines = examples_of(ALL[path])
    assert lines, f"{path} has no example"
    for line in lines:
        inner = re.search(r"\$\((.*)\)", line)
        words = shlex.split(inner[1] if inner else line, comments=True)
        words = words[: words.index(">")] if ">" in words else words
        context, rest = found_in(words)

        assert context.command_path.startswith(path), line
        assert context.command_path != "topup", line
        parser = context.command.make_parser(context)
        values, left, _ = parser.parse_args(list(rest))
        assert left == [], line
        for option in options_of(context):
            assert not option.required or option.name in values or option.envvar, line


@pytest.mark.parametrize("path", ALL)
def test_every_option_says_what_it_is_for(path: str) -> None:
    silent = [option.opts for option in options_of(ALL[path]) if not option.help]

    assert silent == []
    assert ALL[path].command.help, path


def test_every_command_that_ends_prints_json_if_asked() -> None:
    leaves = {p for p, c in ALL.items() if not isinstance(c.command, click.Group)}
    with_json = {p for p in leaves if any("--json" in one.opts for one in options_of(ALL[p]))}

    assert leaves - with_json == WITHOUT_JSON


def test_the_first_page_lists_by_what_one_does_and_names_the_exit_codes() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout

    assert [line[:-1] for line in shown.splitlines() if line[:-1] in GROUPS] == list(GROUPS)
    assert all(f"\n  {name} " in shown for name in COMMANDS)
    for code in (0, EXIT_REFUSED, EXIT_USAGE, EXIT_UNREACHABLE):
        assert re.search(rf"^    {code}  \w", shown, re.MULTILINE)


def test_docs_cli_md_is_the_commands_own_help() -> None:
    kept = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

    assert kept == page(), "run `python -m cli.reference > docs/cli.md`"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["acounts", "list"], "accounts"),
        (["bakup"], "backup"),
        (["keys", "craete"], "create"),
        (["keys", "create", "--acount", "x"], "--account"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(words: list[str], meant: str) -> None:
    result = CliRunner().invoke(main, words)

    assert result.exit_code == EXIT_USAGE
    assert "Did you mean" in result.stderr
    assert f"'{meant}'" in result.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_completion(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])

    assert result.exit_code == 0
    assert "_TOPUP_COMPLETE" in result.stdout
    assert f"{shell}_complete" in result.stdout


def test_bash_takes_the_script_and_completes_commands_and_values() -> None:
    script = CliRunner().invoke(main, ["completion", "bash"]).stdout
    if BASH is not None:
        subprocess.run([BASH, "-n"], input=script, text=True, check=True, timeout=30)

    def completed(words: str) -> list[str]:
        asked = {
            "_TOPUP_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        }
        result = CliRunner().invoke(main, env=asked, prog_name="topup")
        return [line.partition(",")[2] for line in result.stdout.splitlines()]

    assert completed("topup ba") == ["balance", "batches", "backup"]
    assert completed("topup keys ro") == ["rotate"]
    assert completed("topup keys create --environment ") == ["staging", "live"]


def test_colours_are_for_terminals_and_not_for_who_wants_none(tmp_path: Path) -> None:
    def said(*, is_terminal: bool, **variables: str) -> str:
        where = {"TOPUP_DATA_DIR": str(tmp_path / "none"), "TOPUP_DATABASE_URL": "", **variables}
        return CliRunner().invoke(main, ["backup"], env=where, color=is_terminal).stderr

    assert "\x1b[" in said(is_terminal=True)
    assert "\x1b[" not in said(is_terminal=False)
    assert "error: there is no database" in said(is_terminal=True, NO_COLOR="1")
