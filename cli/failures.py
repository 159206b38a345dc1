"""Print a command's expected errors."""

import re
from typing import Any

import click
import httpx

from cli.client.profiles import requested_address
from cli.faults import refusal
from cli.output import EXIT_UNREACHABLE, EXIT_USAGE, fail
from kernel.errors import DomainError
from keys.vault import SealBroken
from runtime.log import mask
from runtime.settings import SettingsError
from store.errors import StoreError
from store.version import SchemaOutOfRange

# These errors mean that the response isn't in this gateway's format.
_MISREAD = (
    *(ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError),
    *(httpx.InvalidURL, httpx.RequestError),
)


def report(error: Exception) -> click.exceptions.Exit | None:
    """Print an expected failure, and return the exception that ends the command. Return None if the error is
    unexpected.
    """
    if isinstance(error, SettingsError | SealBroken):
        return fail(str(error), advice="see `topup settings`", exit_code=EXIT_USAGE)
    if isinstance(error, DomainError):
        return fail(_named(error), facts=_facts(error))
    if isinstance(error, StoreError | SchemaOutOfRange):
        return refusal(error)
    if isinstance(error, OSError):
        return fail(mask(str(error)), exit_code=EXIT_UNREACHABLE)
    url = requested_address()
    if url is not None and isinstance(error, _MISREAD):
        return fail(
            f"{url} sent a response that this topup can't read ({type(error).__name__}: {error})",
            advice="check that it is a Topup Gateway, and that topup is as new as it is (`topup --version`)",
            exit_code=EXIT_UNREACHABLE,
        )
    return None


def _facts(error: DomainError) -> dict[str, Any]:
    facts = {"param": error.param, "reason": error.reason, "errors": error.extra.get("errors")}
    return {name: value for name, value in facts.items() if value is not None}


def _named(error: DomainError) -> str:
    """Return the error's detail. If it lacks the field's name, put the name first."""
    param = error.param
    is_named = param is None or re.search(rf"(?<!\w){re.escape(param)}(?!\w)", error.detail)
    return error.detail if is_named else f"{param}: {error.detail}"
