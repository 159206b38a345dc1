"""The expected failures of commands in words: of the database, the settings, the rules and the machine."""

import re

import click

from cli.faults import refusal
from cli.output import EXIT_UNREACHABLE, EXIT_USAGE, fail
from kernel.errors import DomainError
from runtime.log import mask
from runtime.settings import SettingsError
from store.errors import StoreError
from store.version import SchemaOutOfRange


def told(error: Exception) -> click.exceptions.Exit | None:
    """Prints an expected failure, and gives what ends the command; null for a fault of ours."""
    if isinstance(error, SettingsError):
        return fail(str(error), advice="see `topup settings`", exit_code=EXIT_USAGE)
    if isinstance(error, DomainError):
        return fail(_named(error))
    if isinstance(error, StoreError | SchemaOutOfRange):
        return refusal(error)
    if isinstance(error, OSError):
        return fail(mask(str(error)), exit_code=EXIT_UNREACHABLE)
    return None


def _named(error: DomainError) -> str:
    """The detail, after the field that it is about: most begin with "is" and name none."""
    param = error.param
    is_named = param is None or re.search(rf"\b{re.escape(param)}\b", error.detail)
    return error.detail if is_named else f"{param}: {error.detail}"
