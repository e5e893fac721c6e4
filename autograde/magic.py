"""`%%ceiling 128 MiB`: a whole cell under a ceiling. Loaded by `%load_ext autograde`."""

from __future__ import annotations

import ast
from typing import Any

from .block import ceiling
from .types import SizeError

__all__ = ["load_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """Register the magic with IPython."""
    from IPython.core.error import UsageError  # shown without a stack of calls

    def run(line: str, body: str) -> Any:
        """Run this cell under a ceiling: %%ceiling 128 MiB"""
        limit = line.partition("#")[0].strip().strip("'\"")
        if not limit:
            raise UsageError("say how much is allowed: %%ceiling 128 MiB")
        try:
            block = ceiling(limit)
        except SizeError as error:
            raise UsageError(f"%%ceiling: {error}") from error
        # numbers of lines as the student sees them: the magic's own line comes first, and empty lines are cut off below
        empty = next((number for number, text in enumerate(body.split("\n")) if text.strip()), 0)
        text = "\n" * (1 + empty) + shell.transform_cell(body)
        name = shell.compile.cache(text, shell.execution_count, raw_code=text)
        try:
            tree = ast.parse(text, name)
        except SyntaxError as error:
            raise UsageError(f"%%ceiling: line {error.lineno}: {error.msg}") from error
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        value = None
        with block:
            exec(compile(tree, name, "exec", dont_inherit=True), shell.user_ns)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), name, "eval", dont_inherit=True), shell.user_ns)
        return None if text.rstrip().endswith(";") else value

    shell.register_magic_function(run, magic_kind="cell", magic_name="ceiling")
