"""Arguments and options that the commands over HTTP share."""

import re
from typing import Any

import click


class IdOf(click.ParamType[str]):
    """An ID with this prefix: nothing else may be in a call's path."""

    def __init__(self, prefix: str) -> None:
        self.name = f"{prefix}_…"
        self._prefix = prefix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(rf"{self._prefix}_[0-9A-Za-z]{{1,40}}", str(value)):
            self.fail(f"such an id begins with {self._prefix}_", param, ctx)
        return str(value)
