"""`topup`: the commands, and the one place where their failures become words and exit codes."""

from typing import Any

import click

from cli.accounts import accounts
from cli.audit import audit
from cli.deliveries import deliveries
from cli.dev import dev
from cli.doctor import doctor
from cli.keys import keys
from cli.migrate import migrate
from cli.output import EXIT_UNREACHABLE, EXIT_USAGE, fail
from cli.serve import serve
from cli.settings import settings
from cli.worker import worker
from kernel.errors import DomainError
from runtime.log import mask
from runtime.settings import SettingsError
from store.errors import StoreError
from store.migrate import SchemaOutOfRange


class _Commands(click.Group):
    """Lists the commands in the order given, and tells their expected failures."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise fail(str(error), advice="see `topup settings`", exit_code=EXIT_USAGE) from None
        except SchemaOutOfRange as error:
            raise fail(str(error), exit_code=EXIT_USAGE) from None
        except DomainError as error:
            raise fail(error.detail) from None
        except (StoreError, OSError) as error:
            raise fail(
                mask(str(error)) or type(error).__name__,
                advice="is the database running? `topup doctor` looks at each part",
                exit_code=EXIT_UNREACHABLE,
            ) from None


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="topup-gateway")
def main() -> None:
    """Sell and move prepaid AI credit: one call, one ledger transaction, one signed webhook."""


for _command in (
    dev,
    serve,
    worker,
    migrate,
    accounts,
    keys,
    deliveries,
    audit,
    doctor,
    settings,
):
    main.add_command(_command)
