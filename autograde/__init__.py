"""Checks exercises on arrays that do not fit in memory: right answers, under a memory ceiling."""

from .block import MemoryCeilingExceeded, ceiling, measure

__all__ = ["MemoryCeilingExceeded", "ceiling", "measure"]
