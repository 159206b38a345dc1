"""Run the command line with `python -m cli`. `topup dev` starts its child processes with this."""

from cli.main import main

main()
