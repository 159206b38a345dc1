"""A cell of CSV is never a formula, and is read back as what it was."""

import csv
import io

import pytest

from kernel.csv_text import csv_head, csv_lines


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+44", "'+44"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        # Where a program parts cells at a tab, a semicolon or a bare line end, a formula would begin.
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\t1", "'\t1"),
        ("ok;=1+1", "ok;'=1+1"),
        ('a\n@b;"x";-1', "a\n'@b;\"x\";'-1"),
        ("a; b=c", "a; b=c"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff20A1", "'\uff20A1"),
        ("a=1", "a=1"),
        (-2, "-2"),
        (None, ""),
        (True, "true"),
        ('say "hi", ok\nbye', 'say "hi", ok\nbye'),
    ],
)
def test_a_cell_is_no_formula_and_is_read_back(cell: object, written: str) -> None:
    text = csv_head(["a", "b"]) + csv_lines(["a", "b"], [{"a": cell}])

    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], [written, ""]]
