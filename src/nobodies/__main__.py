"""`python -m nobodies` is the `nobodies` command."""

from nobodies.cli import main

main()
