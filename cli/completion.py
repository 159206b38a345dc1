"""`topup completion`: let a shell complete commands, options and values."""

from typing import Final

import click
from click.shell_completion import get_completion_class

from cli.output import examples

SHELLS: Final = ("bash", "zsh", "fish")
# Click's name for the variable with which the shell calls the command.
VARIABLE: Final = "_TOPUP_COMPLETE"


@click.command(
    epilog=examples(
        'eval "$(topup completion bash)"     # in ~/.bashrc',
        'eval "$(topup completion zsh)"      # in ~/.zshrc',
        "topup completion fish > ~/.config/fish/completions/topup.fish",
    )
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Print the shell code that completes `topup` commands. `topup` must be on the PATH."""
    found = get_completion_class(shell)
    assert found is not None, "click knows these shells"
    click.echo(found(context.find_root().command, {}, "topup", VARIABLE).source())
