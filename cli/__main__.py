"""Run the command line by `python -m cli`, as `topup dev` starts its child processes."""

from cli.main import main

main()
