"""Run the command line with `python -m cli`, which `topup dev` uses to start its child processes."""

from cli.main import main

main()
