"""Student code never sees the seed of the hidden data: whoever knew it could make the truth in an earlier cell."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from autograde.judge import judge_notebook
from autograde.notebook import Kind, Notebook, parse_cell, read_notebook, rebuild
from autograde.session import Job, Session
from autograde.types import Exit

SOURCES = sorted((Path(__file__).parent.parent / "source").glob("*/*.ipynb"))
#: What is made from a seed, and does not tell it.
MAKERS = frozenset({"default_rng", "other_names", "piece", "volume", "Recording", "random_walks", "noisy_recording"})
MAKERS |= {"moving_dots", "fetch_stack", "fetch_zarr", "stand_in", "write_small_clips"}


#: Kinds of cells that are code.
CODE = (Kind.SETUP, Kind.TEST, Kind.SOLUTION, Kind.PLAIN)


def read(path: Path) -> Notebook:
    source = read_notebook(path)
    return rebuild(path.stem, source, source)


def shown(source: str) -> Iterator[str]:
    """Where a cell does anything with the seed but give it to what makes data from it, or take a small remainder."""
    tree = parse_cell(source)
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and "hidden_seed()" in ast.unparse(node.value)
        and _is_seed(node.value, frozenset())
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not _is_seed(node, names) or isinstance(getattr(node, "ctx", None), ast.Store):
            continue
        above = parents.get(node)
        while isinstance(above, ast.BinOp | ast.keyword):
            if isinstance(above, ast.BinOp) and isinstance(above.op, ast.Mod):
                break
            node, above = above, parents.get(above)
        if isinstance(above, ast.Assign) or (isinstance(above, ast.BinOp) and _is_small(above.right)):
            continue
        called = above.func if isinstance(above, ast.Call) else None
        if called is None or ast.unparse(called).rpartition(".")[2] not in MAKERS:
            yield ast.unparse(above or node)


def _is_seed(node: ast.AST, names: frozenset[str] | set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in names
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "hidden_seed"


def _is_small(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value < 100


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_seed_goes_only_into_what_makes_data_from_it(path):
    assert [(cell.label, words) for cell in read(path).cells if cell.kind in CODE for words in shown(cell.source)] == []


@pytest.mark.parametrize(
    "mistake",
    [
        "case({'seed': hidden_seed()})",
        "number = hidden_seed()\nsolve(number)",
        "solve(f'{hidden_seed()}')",
        "attributes = dict(seed=hidden_seed() + 1)",
        "number = hidden_seed()\nsolve([number])",
    ],
)
def test_a_seed_that_is_shown_is_found(mistake):
    assert list(shown(mistake))


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
@pytest.mark.parametrize("name", ["rechunk", "blocks"])
def test_no_argument_and_no_file_that_crosses_tells_the_seed(name):
    """Where hidden tests write files of their own: the reference solutions are called, and all that they get is searched."""
    path = next(path for path in SOURCES if path.stem == name)
    seed = 4711_0815_4711_0815
    done = subprocess.run(
        [sys.executable, __file__, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "AUTOGRADE_SEED": str(seed), "AUTOGRADE_SCALE": "tiny"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert set(seen["exits"]) == {Exit.PASSED}
    assert seen["calls"] > 0
    assert seen["found"] == []


def main() -> None:
    """Judge the reference solutions of the notebook that is named, and print what of all that crosses tells the seed."""
    seed, path = int(os.environ["AUTOGRADE_SEED"]), Path(sys.argv[1])
    signs = [str(seed).encode(), seed.to_bytes(8, "little"), seed.to_bytes(8, "big")]
    found: list[tuple[str, str]] = []
    calls, call = [], Session.call

    def spy(self: Session, function: str, args: Any, kwargs: Any, **handle: Any) -> Any:
        texts = {"an argument": cloudpickle.dumps((args, kwargs))}
        for file in self.exchange.rglob("*"):
            texts[str(file)] = str(file).encode()
            if file.is_file() and "c" not in file.parts:  # opening a chunk would count as one that was read
                texts[str(file)] += file.read_bytes()
        calls.append(function)
        found.extend((function, where) for where, text in texts.items() if any(sign in text for sign in signs))
        return call(self, function, args, kwargs, **handle)

    Session.call = spy  # type: ignore[method-assign]
    tests = tuple(cell.label for cell in read(path).tests() if "hidden_seed()" in cell.source)
    outcomes = judge_notebook(Job(path.stem, str(path), str(path), str(path.parent), only=tests))
    sys.stdout.write(json.dumps({"exits": [one.exit for one in outcomes], "calls": len(calls), "found": found}) + "\n")


if __name__ == "__main__":
    main()
