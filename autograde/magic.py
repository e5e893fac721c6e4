"""`%%ceiling 128 MiB`: a whole cell under a ceiling. Loaded by `%load_ext autograde`."""

from __future__ import annotations

import ast
from typing import Any

from .block import ceiling
from .errors import CourseError

__all__ = ["load_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """Register the magic with IPython."""

    def run(line: str, body: str) -> Any:
        """Run this cell under a ceiling: %%ceiling 128 MiB"""
        if not line.strip():
            raise CourseError("say how much is allowed: %%ceiling 128 MiB")
        # numbers of lines as the student sees them: the magic's own line comes first, and empty lines are cut off below
        empty = next((number for number, text in enumerate(body.split("\n")) if text.strip()), 0)
        text = "\n" * (1 + empty) + shell.transform_cell(body)
        name = shell.compile.cache(text, shell.execution_count, raw_code=text)
        tree = ast.parse(text, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        value = None
        with ceiling(line):
            exec(compile(tree, name, "exec"), shell.user_ns)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), name, "eval"), shell.user_ns)
        return value

    shell.register_magic_function(run, magic_kind="cell", magic_name="ceiling")
