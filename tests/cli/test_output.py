"""What comes from outside is printed so that it cannot act on the reader's terminal."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, strategies as st
from rich.cells import cell_len

from cli import main as main_module
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


def test_a_question_lets_no_control_character_through() -> None:
    master, slave = pty.openpty()
    code = "import sys; from cli.acts.command import _confirm; _confirm(sys.argv[1])"
    asked = [sys.executable, "-c", code, HOSTILE.replace("\x00", "")]
    os.write(master, b"y\n")

    done = subprocess.run(asked, stdin=slave, stderr=subprocess.PIPE, timeout=60, check=True)

    text = done.stderr.decode()
    assert "evil é 界" in text
    assert not set(text) & set("\x1b\x07\r\x9b\u202e")


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


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "id": st.sampled_from(["txn_0VbmhnjXUfsvM5XL", "we_0VbmhnjXUfsvM5XL"]),
                "name": st.text("abc 界é", max_size=90),
                "detail": st.text("abc def", max_size=200),
                "endpoint_id": st.sampled_from(["we_0VbmhnjXUfsvM5XL", None]),
                "created_at": st.just("2026-06-13T12:00:07Z"),
                "scopes": st.lists(st.sampled_from(["topup:send", "topup:read"]), max_size=9),
            }
        ),
        min_size=1,
        max_size=4,
    ),
    columns=st.permutations(["name", "detail", "endpoint_id", "created_at", "scopes"]),
)
def test_a_table_fits_eighty_cells_and_cuts_no_id_and_no_time(
    rows: list[dict[str, Any]], columns: list[str]
) -> None:
    shown = shown_by(lambda: show_rows(rows, "id", *columns))

    lines = shown.stdout.splitlines()
    assert max(map(cell_len, lines)) <= 80
    assert all(row["id"] in shown.stdout for row in rows)
    # A column that has no room is named, not lost.
    for column in ("endpoint_id", "created_at"):
        is_whole = all(_text_of(row[column]) in shown.stdout for row in rows)
        assert is_whole or f"{column}" in shown.stderr


def _text_of(value: str | None) -> str:
    return "-" if value is None else value.replace(":07Z", "Z")


def test_a_first_column_that_is_wider_alone_is_still_whole() -> None:
    shown = shown_by(lambda: show_rows([{"id": "x" * 200, "name": "y"}], "id", "name"))

    assert "x" * 200 in shown.stdout
    assert "not shown: name" in shown.stderr


def test_json_still_means_the_same_text() -> None:
    result = shown_by(in_rows, "--json")

    assert json.loads(result.stdout)["items"] == [{"name": HOSTILE, "tags": [HOSTILE]}]


def test_every_list_goes_through_the_one_table_that_fits() -> None:
    folder = Path(main_module.__file__).parent
    others = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if "rich.table" in path.read_text(encoding="utf-8")
    ]

    assert others == ["tables.py"]
