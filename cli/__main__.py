"""`python -m cli`, which is how `topup dev` starts its children."""

from cli.main import main

main()
