"""Print results and failures, as tables or records for people and as JSON for programs.

Only the result goes to standard output. Control characters in text from outside are escaped. Exit codes:

- 0: success
- 1: something was refused or found
- 2: wrong usage or settings
- 3: the database, Redis or gateway can't be reached
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import click
import msgspec

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
_JSON = "cli.output.json"
# These characters move a terminal's cursor, colour text or change its direction.
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)

T = TypeVar("T")
Command = Callable[..., Any]


def json_option(command: Command) -> Command:
    """Add --json, which makes show() and fail() write JSON."""

    def keep(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001
        context.meta[_JSON] = value

    return click.option(
        "--json", is_flag=True, expose_value=False, callback=keep, help="Print JSON."
    )(command)


def wants_json() -> bool:
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(_JSON))


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def visible(text: str, *, keep: str = "") -> str:
    """Return the text with control characters escaped as in Python, except those in `keep`."""
    return _CONTROL.sub(
        lambda found: found[0] if found[0] in keep else _escape(found[0]),
        text,
    )


def json_text(value: Any, *, indent: int = 0) -> str:
    """Return JSON that is safe on a terminal. msgspec doesn't escape control characters above 0x7e."""
    encoded = msgspec.json.encode(value, enc_hook=str)
    text = (msgspec.json.format(encoded, indent=indent) if indent else encoded).decode()
    # Line feeds inside strings are already escaped.
    return _CONTROL.sub(
        lambda found: "\n" if found[0] == "\n" else f"\\u{ord(found[0]):04x}",
        text,
    )


def print_json(value: Any) -> None:
    click.echo(json_text(value, indent=2))


def show_record(record: Mapping[str, Any], **lists: Sequence[Mapping[str, Any]]) -> None:
    if wants_json():
        print_json({**record, **lists})
        return
    from cli import tables  # noqa: PLC0415 rich: gateways and workers print none [2 MB]

    parts = [("", _texts(record))]
    for name, rows in lists.items():
        parts += [(f"{name} {number}", _texts(row)) for number, row in enumerate(rows, start=1)]
    tables.print_fields(parts)


def show_rows(
    rows: Sequence[Mapping[str, Any]],
    *columns: str,
    next_cursor: str | None = None,
    facts: Mapping[str, Any] | None = None,
    pipe_width: int = 80,
) -> None:
    """Print the rows as a table, with the most important columns first, or as JSON.

    The JSON has `items`, `next_cursor` and the fields of `facts`.
    """
    if wants_json():
        print_json({"items": rows, "next_cursor": next_cursor, **(facts or {})})
        return
    if not rows:
        click.echo("none", err=True)
        return
    from cli import tables  # noqa: PLC0415 as above

    texts = [{column: visible(_text(row.get(column))) for column in columns} for row in rows]
    left_out = tables.print_rows(texts, columns, pipe_width=pipe_width)
    if left_out:
        note(f"not shown: {', '.join(left_out)} (--json has them)")
    if next_cursor:
        note(f"more: --cursor {next_cursor}")


def note(message: str) -> None:
    click.echo(visible(message, keep="\n"), err=True)


def fail(
    problem: str,
    *,
    advice: str = "",
    exit_code: int = EXIT_REFUSED,
    facts: Mapping[str, Any] | None = None,
) -> click.exceptions.Exit:
    """Print the problem and its remedy, and return the exception to raise. `facts` adds fields to the JSON."""
    if wants_json():
        body = {"error": {**(facts or {}), "detail": problem, "advice": advice or None}}
        click.echo(json_text(body), err=True)
    else:
        click.secho("error: ", fg="red", bold=True, nl=False, err=True)
        note(problem)
        if advice:
            note(f"  {advice}")
    return click.exceptions.Exit(exit_code)


def _texts(record: Mapping[str, Any]) -> dict[str, str]:
    return {name: visible(_text(value)) for name, value in record.items()}


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _text(value: Any) -> str:
    if value is None or value in ((), []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in value)
    if isinstance(value, Mapping):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return str(value)


def examples(*lines: str) -> str:
    """Return the examples for a command's help. A test checks each line against the command's options."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def dollars_of(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"
