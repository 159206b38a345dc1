"""Make a group of commands from a subject's acts. Each act's fields become options.

A command calls a gateway over HTTP (cli/acts/remote.py), or runs the act on this installation's database
(cli/acts/local.py). RULE defines which of the two happens.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

import click
from click.core import ParameterSource

from billing.ledger.price import in_words
from cli.acts.options import needs_currency, options_of, values_of, with_amounts
from cli.acts.shown import print_csv, print_found, print_list, print_result
from cli.client.profiles import access, is_logged_in, profile_option
from cli.options import by_option, environment_option
from cli.output import EXIT_REFUSED, examples, json_option, note, visible, wants_json
from kernel.errors import DomainError
from kernel.fields import FieldFacts, Fields, facts_of
from keys.act import (
    MACHINE,
    MERCHANT,
    OPERATOR,
    ActRow,
    AnyAct,
    AnyChange,
    AnyRead,
    ApiRead,
    ChangingAct,
    ListAct,
    ReadAct,
    ReportAct,
)
from keys.principal import ADMIN

RULE: Final = (
    "--profile runs a command over HTTP; --local or --account runs it here, on this installation's"
    " database. Without these options, a merchant's command runs over HTTP if you are logged in, and any"
    " other command on the database."
)
_account: Final = click.option(
    "--account",
    default="",
    help="The account's ID or email address. With this option, the command runs on this machine, without a gateway.",
)
local_option: Final = click.option(
    "--local",
    is_flag=True,
    help="Act as the operator, directly on this installation's database.",
)
_yes: Final = click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
_csv: Final = click.option("--csv", is_flag=True, help="Print CSV, with exact amounts.")


class Way(Protocol):
    """How a command is carried out: by a gateway over HTTP, or in this process.

    `live_url` is the gateway's URL if a merchant's command runs over HTTP in the live environment.
    Otherwise, it is empty.
    """

    live_url: str

    def list(
        self, act: ListAct[Any, Any] | ReportAct[Any, Any], query: Mapping[str, Any]
    ) -> tuple[Sequence[Any], str | None]: ...

    def show(self, act: AnyRead, query: Mapping[str, Any] = ...) -> Mapping[str, Any]: ...

    def change(self, act: AnyChange, body: Mapping[str, Any]) -> Mapping[str, Any]: ...


def group_of(name: str, text: str, acts: Iterable[AnyAct], *more: click.Command) -> click.Group:
    return _ActGroup(name, text, iter(acts), more)


class _ActGroup(click.Group):
    """A subject's acts as commands. To start quickly, it imports acts one by one until it finds the command."""

    def __init__(
        self, name: str, text: str, acts: Iterator[AnyAct], more: Sequence[click.Command]
    ) -> None:
        super().__init__(name, help=f"{text}\n\n{RULE}", short_help=text)
        self._left = acts
        self._acts: list[AnyAct] = []
        for command in more:
            self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._find(lambda _: False)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            self._find(lambda act: verb_of(act) == cmd_name)
        return super().get_command(ctx, cmd_name)

    @property
    def epilog(self) -> str:
        self._find(lambda _: False)
        firsts = [example for act in self._acts for example in act.examples[:1]]
        return examples(*firsts[:3])

    @epilog.setter
    def epilog(self, text: str | None) -> None:
        pass

    def _shown(self) -> AnyRead | None:
        found = self._find(
            lambda act: isinstance(act, ReadAct | ApiRead) and verb_of(act) == "show"
        )
        return found if isinstance(found, ReadAct | ApiRead) else None

    def _find(self, fits: Callable[[AnyAct], bool]) -> AnyAct | None:
        found = next(filter(fits, self._acts), None)
        while found is None and (act := next(self._left, None)) is not None:
            # If a merchant's and an operator's list share a name, use the list that has columns.
            if isinstance(act, ListAct) and not act.columns:
                continue
            self._acts.append(act)
            self.add_command(command_of(act, self._shown))
            found = act if fits(act) else None
        return found


def _nothing() -> None:
    return None


def command_of(act: AnyAct, shown: Callable[[], AnyRead | None] = _nothing) -> click.Command:
    """Return the act's command. `shown` returns the act that shows the object before the user confirms."""
    params: list[click.Parameter] = []
    if named := _named(act):
        params.append(click.Argument(["object_id"], metavar=named.upper()))
    params += options_of(_facts(act))
    command: Any = partial(_run, act, shown)
    if isinstance(act, ChangingAct) and act.asks:
        command = _yes(command)
    if isinstance(act, ChangingAct) and act.names_person:
        command = by_option(command)
    if isinstance(act, ReportAct):
        command = _csv(command)
    if act.owner_of is None and act.audience != (MERCHANT,):
        if not act.is_account_wide:
            command = environment_option(command)
        if not (act.is_catalogue or act.names_account):
            command = _account(command)
    if OPERATOR in act.audience:
        command = local_option(command)
    if MACHINE not in act.audience:
        command = profile_option(command)
    made = click.command(verb_of(act), epilog=examples(*act.examples))(json_option(command))
    made.help = f"{act.summary}. {act.description}".strip()
    made.short_help = act.summary
    made.params = [*params, *made.params]
    return made


def verb_of(act: ActRow) -> str:
    return act.name.partition(".")[2]


def _named(act: AnyAct) -> str:
    return _about(act) or act.path.partition("{")[2].partition("}")[0]


def _about(act: AnyAct) -> str:
    return act.about if isinstance(act, ChangingAct) else ""


def _facts(act: AnyAct) -> Sequence[FieldFacts]:
    struct: type[Fields] = act.input if isinstance(act, ChangingAct) else act.query
    return [fact for fact in facts_of(struct) if fact.name not in {"format", _about(act)}]


def _run(act: AnyAct, shown: Callable[[], AnyRead | None], **given: Any) -> None:
    try:
        _do(act, shown, given)
    except (click.ClickException, click.Abort, click.exceptions.Exit, DomainError):
        raise
    except Exception:
        # The user probably forgot to log in, and didn't mean to use this machine's database.
        if _is_merchants(act) and not (given.get("local") or given.get("account") or wants_json()):
            note(
                "You aren't logged in, so this command used the database. To use a gateway, run `topup login`."
            )
        raise


def _do(act: AnyAct, shown: Callable[[], AnyRead | None], given: Mapping[str, Any]) -> None:
    way = way_of(act, given)
    values = values_of(_facts(act), given)
    if isinstance(act, ListAct | ReportAct):
        rows, following = way.list(act, values)
        if given.get("csv"):
            print_csv(act.result, rows)
            return
        print_list(act.result, rows, act.columns, following)
        _exit_if_alarmed(act, rows)
    elif isinstance(act, ReadAct | ApiRead):
        found = way.show(act, values)
        print_found(act.result, found, act.columns)
        _exit_if_alarmed(act, (found,))
    else:
        if act.method == "PATCH" and not values:
            raise click.UsageError("Nothing would change: give at least one option.")
        facts, asks = _facts(act), bool(act.asks) and not given["yes"]
        is_read = bool(_named(act)) and (asks or needs_currency(facts, values))
        reads = shown() if is_read else None
        seen = {} if reads is None else way.show(reads)
        values = with_amounts(facts, values, seen)
        if asks:
            named = {_named(act): given.get("object_id", "")}
            _confirm(_question(act, values, reads, {**named, **seen}), way.live_url)
        if act.about:
            values[act.about] = given["object_id"]
        result = way.change(act, values)
        secrets = [result.get(fact.name) for fact in facts_of(act.result) if fact.is_secret]
        is_secret = act.shows_secret and (not secrets or any(secrets))
        if act.columns:
            print_found(act.result, result, act.columns)
        else:
            print_result(act.result, result, is_secret=is_secret)
        _exit_if_alarmed(act, (result,))


def _question(
    act: AnyChange,
    values: Mapping[str, Any],
    shown: AnyRead | None,
    seen: Mapping[str, Any],
) -> str:
    object_words = seen if shown is None else in_words(shown.result, seen)
    blank = {fact.name: fact.words[""] for fact in _facts(act) if "" in fact.words}
    said = in_words(act.input, {**seen, **values})
    return act.asks.format_map({**object_words, **blank, **{name: said[name] for name in values}})


def _exit_if_alarmed(act: ActRow, found: Sequence[Mapping[str, Any]]) -> None:
    if act.alarm is not None and any(map(act.alarm, found)):
        raise click.exceptions.Exit(EXIT_REFUSED)


def way_of(act: AnyAct, given: Mapping[str, Any]) -> Way:
    """Return the way that a command's options choose. Raise UsageError if the options contradict each other."""
    object_id, profile = given.get("object_id", ""), given.get("profile", "")
    # Unless the act has names_person, `by` isn't the operator's name, but may be the act's own field.
    by = given["by"] if isinstance(act, ChangingAct) and act.names_person else None
    if _goes_over_http(act, given):
        from cli.acts.remote import Remote  # noqa: PLC0415 in process nothing is asked over HTTP

        environment = given.get("environment", "") if _is_said("environment") else ""
        if by:
            raise click.UsageError(
                "--by is only for commands that run on the database. Over HTTP, the credential says who decides."
            )
        return Remote(
            act, profile, object_id, account=_account_of(act, given), environment=environment
        )
    from cli.acts.local import Local  # noqa: PLC0415 over HTTP no store is opened

    return Local(object_id, _account_of(act, given), given.get("environment", ""), by)


def _goes_over_http(act: AnyAct, given: Mapping[str, Any]) -> bool:
    if MACHINE in act.audience:
        return False
    is_local = given.get("local", False)
    is_of_account = bool(_account_of(act, given))
    in_process = "--local" if is_local else "--account" if is_of_account else ""
    if in_process and _is_said("profile") and not _is_operators(given["profile"]):
        raise click.UsageError(
            f"{in_process} runs on the database, and --profile over HTTP. Give only one of them."
        )
    if OPERATOR not in act.audience:
        return True
    if is_local:
        return False
    if _is_said("profile"):
        return True
    return _is_merchants(act) and not is_of_account and is_logged_in()


def _account_of(act: AnyAct, given: Mapping[str, Any]) -> str:
    """Return the account to act for. An act on a catalogue has none, even if it has a field `account`."""
    account: str = "" if act.is_catalogue else given.get("account") or ""
    return account


def _is_merchants(act: AnyAct) -> bool:
    return MERCHANT in act.audience and ADMIN not in act.scopes


def _is_operators(profile: str) -> bool:
    return access(profile).is_operators


def _is_said(option: str) -> bool:
    source = click.get_current_context().get_parameter_source(option)
    return source in {ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT}


def _confirm(question: str, live_url: str = "") -> None:
    question += f" This is live, at {live_url}." if live_url else ""
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is no terminal to ask on. Add --yes.")
    click.confirm(visible(question), abort=True, err=True)
