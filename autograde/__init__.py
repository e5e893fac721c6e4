"""Checks exercises on arrays that do not fit in memory: right answers, under a memory ceiling."""

from .block import MemoryCeilingExceeded, ceiling, measure
from .projected import projected
from .reads import reads
from .slope import slope

__version__ = "0.1.0"
__all__ = ["MemoryCeilingExceeded", "ceiling", "measure", "projected", "reads", "slope"]


def load_ipython_extension(shell: object) -> None:
    """`%load_ext autograde` makes `%%ceiling 128 MiB` known."""
    from .magic import load_ipython_extension as load

    load(shell)
