"""`python -m autograde`."""

from .cli import main

main()
