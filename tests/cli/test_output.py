"""What comes from outside is printed so that it cannot act on the reader's terminal."""

import json
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

from cli.output import fail, json_option, note, show_record, show_rows, visible

HOSTILE = "\x1b[31mred\x00\x07\r\n\x9b2J\u202eevil é 界"
SHOWN = r"\x1b[31mred\x00\x07\r\n\x9b2J\u202eevil é 界"


def shown_by(show: Callable[[], None], *words: str) -> Result:
    @click.command()
    @json_option
    def command() -> None:
        show()

    return CliRunner().invoke(command, words)


def in_a_record() -> None:
    show_record({"response": HOSTILE, "headers": {"x": HOSTILE}}, attempts=[{"body": HOSTILE}])


def in_rows() -> None:
    show_rows([{"name": HOSTILE, "tags": [HOSTILE]}], "name", "tags", next_cursor=HOSTILE)


def in_a_note() -> None:
    note(HOSTILE.replace("\n", ""))


def in_a_failure() -> None:
    raise fail(HOSTILE.replace("\n", ""), advice=HOSTILE.replace("\n", ""))


def test_each_control_character_is_shown_as_an_escape() -> None:
    assert visible(HOSTILE) == SHOWN
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"


@pytest.mark.parametrize("words", [(), ("--json",)])
@pytest.mark.parametrize("show", [in_a_record, in_rows, in_a_note, in_a_failure])
def test_no_output_lets_a_control_character_through(
    show: Callable[[], None], words: tuple[str, ...]
) -> None:
    result = shown_by(show, *words)

    assert "evil é 界" in result.output
    assert not set(result.output) & set("\x1b\x00\x07\r\x9b\u202e")


def test_a_table_shows_a_hostile_text_on_one_line() -> None:
    result = shown_by(in_rows)

    assert SHOWN in result.stdout


def test_json_still_means_the_same_text() -> None:
    result = shown_by(in_rows, "--json")

    assert json.loads(result.stdout)["items"] == [{"name": HOSTILE, "tags": [HOSTILE]}]
