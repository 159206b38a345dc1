"""`topup` alone says what to do next, by what this machine has, and names commands that exist."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from tests.cli.test_help import found_in, options_of


@pytest.mark.parametrize(
    ("given", "title", "first"),
    [
        ({}, "Nothing is set up on this machine yet.", "topup dev"),
        (
            {"TOPUP_DATABASE_URL": "sqlite:///x"},
            "This machine runs an installation.",
            "topup doctor",
        ),
        ({"TOPUP_API_KEY": "ak_staging_x"}, "You are logged in to a gateway.", "topup whoami"),
    ],
)
def test_the_first_step_fits_the_machine(
    tmp_path: Path, given: dict[str, str], title: str, first: str
) -> None:
    lines = said(tmp_path, given)

    assert lines[0] == title
    assert lines[2].startswith(f"  {first} ")
    assert lines[-1] == "All commands: topup --help"
    for command in commands_of(lines):
        context, rest = found_in(shlex.split(command))
        known = {name for option in options_of(context) for name in option.opts} | {"--help"}
        assert {word for word in rest if word.startswith("--")} <= known, command


def test_a_data_directory_of_topup_dev_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text("{}")

    lines = said(tmp_path, {})

    assert lines[0] == f"`topup dev` ran here before; its data is in {tmp_path}."
    assert commands_of(lines) == ["topup dev", "topup doctor", "topup login"]


def said(folder: Path, given: dict[str, str]) -> list[str]:
    names = ("TOPUP_DATABASE_URL", "TOPUP_API_KEY", "TOPUP_PROFILE")
    env: dict[str, str | None] = dict.fromkeys(names)
    env |= {"XDG_CONFIG_HOME": str(folder), "TOPUP_DATA_DIR": str(folder), **given}
    ran = CliRunner().invoke(main, [], env=env)
    assert ran.exit_code == 0, ran.output
    return ran.stdout.splitlines()


def commands_of(lines: list[str]) -> list[str]:
    return [re.split(r"\s{2,}", line.strip())[0] for line in lines[2:-2]]
