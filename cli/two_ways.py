"""A group whose commands work over HTTP with a profile, or on the installation's database.

An option that only one of them has, --database or --profile decides; else HTTP with a profile or key (`topup
login`, TOPUP_PROFILE, TOPUP_API_KEY), and the database without. A command over HTTP doesn't import the
gateway.
"""

import copy
import importlib
from collections.abc import Sequence
from typing import Any, Final, cast

import click

from cli.output import note, wants_json
from cli.remote.profiles import is_logged_in
from kernel.errors import DomainError

RULE: Final = (
    "Over HTTP where you are logged in or say --profile; on this installation's database, as its"
    " operator, with --database or an option of the database's alone, or where nobody is logged in."
)
_BY_DEFAULT: Final = "cli.two_ways.by_default"
_HTTP: Final = "Over HTTP, with a profile"
_DATABASE: Final = "On the database, as its operator"


class TwoWays(click.Group):
    """operator: "module:attribute" of the group that works on the database."""

    def __init__(self, *arguments: Any, operator: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._operator = operator

    def list_commands(self, ctx: click.Context) -> list[str]:
        remote = super().list_commands(ctx)
        return remote + [name for name in self._group().list_commands(ctx) if name not in remote]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command for its help; if it works both ways, with the options of both."""
        remote = super().get_command(ctx, cmd_name)
        operator = self._group().get_command(ctx, cmd_name)
        if remote is None or operator is None:
            return remote or operator
        return _Both(cmd_name, remote, operator)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, rest = args[0], args[1:]
        remote = super().get_command(ctx, name)
        if remote is not None and _runs_over_http(remote, ctx, rest):
            return name, remote, rest
        operator = self._group().get_command(ctx, name)
        if remote is None or operator is None:
            return super().resolve_command(ctx, args)
        chosen = _chosen(_Both(name, remote, operator), ctx, rest)
        ctx.meta[_BY_DEFAULT] = chosen is operator and _given(remote, ctx, rest) is not None
        return name, chosen, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, DomainError):
            raise
        except Exception:
            # There is no installation here: more likely somebody forgot to log in.
            if ctx.meta.get(_BY_DEFAULT) and not wants_json():
                note(
                    "nobody is logged in, so this asks the database; to use a gateway: topup login"
                )
            raise

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(f"Which way list and show run: {RULE}")
        super().format_epilog(ctx, formatter)

    def _group(self) -> click.Group:
        module, _, attribute = self._operator.partition(":")
        return cast(click.Group, getattr(importlib.import_module(module), attribute))


class _Both(click.Command):
    """Shows both commands' help and refuses a mixture of their options; it never runs."""

    def __init__(self, name: str, remote: click.Command, operator: click.Command) -> None:
        self.remote, self.operator = remote, operator
        self._own = {_HTTP: _only(remote, operator), _DATABASE: _only(operator, remote)}
        own = {one.name for one in self._own[_HTTP]}
        both = [one for one in remote.params if one.name not in own]
        super().__init__(
            name,
            params=[*both, *self._own[_HTTP], *self._own[_DATABASE]],
            callback=self._refuse,
            help=f"{remote.help}\n\n{RULE}",
            short_help=remote.get_short_help_str(100),
            epilog="\n".join(
                [str(remote.epilog), *str(operator.epilog).splitlines()[2:]],
            ),
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [one for group in self._own.values() for one in group]
        shared = [one for one in self.get_params(ctx) if one not in own]
        for title, options in {"Options": shared, **self._own}.items():
            records = [found for one in options if (found := one.get_help_record(ctx))]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def _refuse(self, **_values: Any) -> None:
        given = [
            next(one.opts[0] for one in options if _is_given(one)) for options in self._own.values()
        ]
        raise click.UsageError(
            f"{given[0]} is of the command over HTTP, {given[1]} of the one on the database: not both"
        )


def _is_given(option: click.Parameter) -> bool:
    source = click.get_current_context().get_parameter_source(option.name or "")
    return source is click.core.ParameterSource.COMMANDLINE


def _chosen(both: _Both, ctx: click.Context, rest: list[str]) -> click.Command:
    """Return the command whose options these are, if HTTP isn't already chosen."""
    on_database = _given(both.operator, ctx, rest)
    if on_database is not None and "help" not in on_database:
        return both.operator
    over_http = _given(both.remote, ctx, rest)
    return both if over_http is None or "help" in over_http else both.remote


def _runs_over_http(remote: click.Command, ctx: click.Context, rest: list[str]) -> bool:
    """Return whether all options are its own, and a profile is named or present."""
    given = _given(remote, ctx, rest)
    if given is None or "help" in given:
        return False
    return "profile" in given or is_logged_in()


def _given(command: click.Command, ctx: click.Context, rest: Sequence[str]) -> set[str] | None:
    """Return the options on the line, `help` included; null if they don't parse."""
    inner = click.Context(command, info_name=command.name, parent=ctx)
    try:
        values, _, _ = command.make_parser(inner).parse_args(list(rest))
    except click.UsageError:
        return None
    asked = command.get_help_option(inner)
    return {"help" if asked is not None and name == asked.name else name for name in values}


def _only(command: click.Command, other: click.Command) -> list[click.Parameter]:
    """Return copies of its options that the other one lacks, required only for it."""
    names = {one.name for one in other.params}
    own = [copy.copy(one) for one in command.params if one.name not in names]
    for one in own:
        one.required = False
    return own
