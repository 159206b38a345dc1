"""Run the command line with `python -m cli`. `topup dev` starts its child processes this way."""

from cli.main import main

main()
