"""Run an act over HTTP. A merchant's key calls the public API. An operator's token calls the operators' API."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import click

from cli.client.profiles import API_PATH, OPERATOR_PATH, access
from cli.client.remote_gateway import RemoteGateway
from kernel.errors import InvalidInput
from keys.act import MERCHANT, OPERATOR, AnyAct, AnyChange, AnyRead, ListAct, ReportAct

_NOTHING: Final[Mapping[str, Any]] = {}


class Remote:
    def __init__(
        self, act: AnyAct, profile: str, object_id: str, *, account: str, environment: str
    ) -> None:
        given = access(profile)
        self._is_operator = given.is_operators
        self.live_url = "" if given.is_staging or given.is_operators else given.url
        if self._is_operator and OPERATOR not in act.audience:
            raise InvalidInput("This requires an account's key.", param="--profile")
        path = OPERATOR_PATH if self._is_operator else API_PATH
        self._gateway = RemoteGateway(given, path)
        self._object_id = object_id
        self._named = {"account": account} if account else {}
        # If the environment was given as an option, send it. The gateway can then refuse a token for the other
        # environment.
        self._environment = {"environment": environment} if environment else {}

    def list(
        self, act: ListAct[Any, Any] | ReportAct[Any, Any], query: Mapping[str, Any]
    ) -> tuple[Sequence[Any], str | None]:
        page = self._gateway.page(self._path(act), **query, **self._named, **self._environment)
        return page["items"], page["next_cursor"]

    def show(self, act: AnyRead, query: Mapping[str, Any] = _NOTHING) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._gateway.get(self._path(act), **query, **self._named).data
        return found

    def change(self, act: AnyChange, body: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self._gateway.change(
            act.method,
            self._path(act),
            {**body, **self._environment},
            look=partial(_check_command, act, self._object_id),
            params=self._named,
        )
        changed: Mapping[str, Any] = answer.data
        if answer.transaction_id is None or {"transaction_id", "status"} & changed.keys():
            return changed
        # The response to a send has the transaction ID and the status outside its data.
        return {"transaction_id": answer.transaction_id, "status": answer.status, **changed}

    def _path(self, act: AnyAct) -> str:
        head, brace, rest = act.path.partition("{")
        if not brace:
            return act.path
        if act.names_account:
            return head + quote(self._object_id, safe="") + rest.partition("}")[2]
        if (
            not self._object_id.isascii()
            or not self._object_id.replace("_", "").replace("-", "").isalnum()
        ):
            name = rest.partition("}")[0]
            raise click.BadParameter("This is not an ID.", param_hint=name.upper())
        return head + self._object_id + rest.partition("}")[2]


def _check_command(act: AnyChange, object_id: str) -> str:
    """Return a command that shows whether the change was made. It shows the object, its list or the balance."""
    subject, context = act.name.partition(".")[0], click.get_current_context().parent
    group = None if context is None else context.command
    known = group.list_commands(context) if context and isinstance(group, click.Group) else []
    if object_id and "show" in known:
        return f"topup {subject} show {object_id}"
    # For a merchant's act without an object, name the balance, because the group's list may be for operators.
    is_listed = "list" in known and (object_id or act.audience != (MERCHANT,))
    return f"topup {subject} list" if is_listed else "topup balance show"
