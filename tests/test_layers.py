"""Each module imports only from rows below its own; nbgrader and distributed come in at one place each; imports do nothing.

Rows as in the design, with these additions: `session` is part of the judge process (3); `demo` plays a class and so stands
on top of everything but the command line (5.5); `report` and `release` are wrappers of row 5, where `cohort` uses
`gradebook`: modules of one row may import each other as long as no circle arises at import time.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import autograde
from autograde.journal import _JUDGING

ROWS = {
    "__main__": 6.5,
    "cli": 6,
    "cli_author": 6,
    "cli_class": 6,
    "cli_machine": 6,
    "cli_student": 6,
    "console": 6,
    "demo": 5.5,
    "board": 5,
    "board_server": 5,
    "doctor": 5,
    "catchup": 5,
    "check": 5,
    "classview": 4,
    "cohort": 5,
    "collect": 5,
    "feedback": 5,
    "gallery": 5,
    "gradebook": 5,
    "kernel": 5,
    "kit": 5,
    "magic": 5,
    "marks": 5,
    "pytest_plugin": 5,
    "release": 5,
    "report": 5,
    "submission": 5,
    "terabyte": 5,
    "terabyte_page": 5,
    "update": 5,
    "teams": 4,
    "verdict": 4,
    "bubblewrap": 3,
    "course": 3,
    "examples": 3,
    "guard": 3,
    "hidden": 3,
    "jobs": 3,
    "judge": 3,
    "notebook": 3,
    "sandbox": 3,
    "seccomp": 3,
    "session": 3,
    "student": 3,
    "wire": 3,
    "block": 2,
    "buffers": 2,
    "calls": 2,
    "conditions": 2,
    "folders": 2,
    "chart": 2,
    "explain": 2,
    "habits": 2,
    "journal": 2,
    "leftovers": 2,
    "lines": 2,
    "footprint": 2,
    "machine": 2,
    "meters": 2,
    "poll": 2,
    "procfs": 2,
    "projected": 2,
    "reads": 2,
    "recording": 2,
    "slope": 2,
    "limits": 1,
    "seal": 1,
    "types": 1,
    "errors": 0,
}
COMMAND_LINE = {"cli", "cli_author", "cli_class", "cli_machine", "cli_student", "console"}
FACE = "__init__"  # the face of the package may import anything, and is imported by nobody but for the version
PACKAGE = Path(autograde.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))


def imports_of(module, *, at_import_time=False):
    """Names of all modules that `module` imports, inside functions too unless only those at import time are wanted."""
    found = set()
    todo = [ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found.update(f"autograde.{name}" for name in names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if not (inside and at_import_time):
            todo.extend(ast.iter_child_nodes(node))
    return found


def own(names):
    return {name.split(".")[1] for name in names if name.startswith("autograde.")} - {"__version__"}


def test_every_module_has_a_row():
    assert set(MODULES) - {FACE} <= set(ROWS), "a new module needs a row here and in the design"


@pytest.mark.parametrize("module", [name for name in MODULES if name != FACE])
def test_a_module_imports_only_from_its_row_and_those_below(module):
    above = {name for name in own(imports_of(module)) if ROWS[name] > ROWS[module]}
    assert not above, f"{module} (row {ROWS[module]}) imports {above} from above"


def test_no_modules_import_each_other_in_a_circle():
    """At import time; `gradebook.Judge` asks for `submission` when nbgrader runs it, and that imports `gradebook`."""
    graph = {name: own(imports_of(name, at_import_time=True)) for name in MODULES if name != FACE}
    assert len(tuple(TopologicalSorter(graph).static_order())) == len(graph)


@pytest.mark.parametrize(
    ("library", "places"),
    [
        ("nbgrader", {"feedback", "gradebook", "marks"}),
        ("sqlalchemy", {"marks"}),
        ("distributed", {"cohort"}),
        ("click", COMMAND_LINE),
        ("tornado", {"board_server"}),
    ],
)
def test_a_library_comes_in_at_one_place(library, places):
    found = {name for name in MODULES if any(part.split(".")[0] == library for part in imports_of(name))}
    assert found == places


def test_verdicts_and_words_are_pure():
    """They may import values and text handling, nothing that acts."""
    acting = {"os", "subprocess", "pathlib", "socket", "threading", "time", "psutil", "tempfile", "shutil", "sys"}
    for module in ("verdict", "explain", "chart", "classview", "types"):
        assert not acting & {name.split(".")[0] for name in imports_of(module)}, module


def test_only_the_command_line_prints_and_exits():
    """The judge and student processes are programs of their own, and tell their caller by exit code."""
    leaving = {}
    for module in MODULES:
        tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in ("sys.exit", "exit", "quit", "os._exit", "print"):
                    leaving.setdefault(module, set()).add(name)
    assert leaving.get("judge", set()) <= {"sys.exit"}
    assert set(leaving) <= COMMAND_LINE | {"jobs", "judge", "student", "kernel"}


def test_importing_the_package_is_light_and_does_nothing():
    """A notebook pays for what it imports, and its memory baseline too."""
    program = (
        "import sys, threading\n"
        "import autograde\n"
        "heavy = {'dask', 'zarr', 'distributed', 'nbgrader', 'matplotlib', 'pydantic', 'nbformat', 'IPython', 'click'}\n"
        "print(sorted(heavy & set(sys.modules)), threading.active_count())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[] 1\n"


def test_reading_notebooks_builds_no_grammar():
    """Newer versions of jsonschema do when nbformat imports them: everything, JupyterLab too, starts seconds later."""
    program = "import sys, nbformat\nprint({'lark', 'rfc3987_syntax'} & set(sys.modules))\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def below_of(module: str) -> set[str]:
    """Our modules that `module` imports, and those that they import."""
    below: set[str] = set()
    todo = [module]
    while todo:
        for name in own(imports_of(todo.pop())) - below:
            below.add(name)
            todo.append(name)
    return below


def test_facts_are_gathered_anew_when_any_module_changes_that_they_come_from():
    words = {"chart", "errors", "explain", "habits", "journal", "leftovers"}
    assert {"judge", "student"} | below_of("judge") | below_of("student") <= {*_JUDGING} | words


def test_the_student_process_knows_nothing_of_courses_and_marks():
    below = below_of("student")
    measures = (
        "block buffers calls chart conditions explain footprint habits leftovers lines machine meters poll procfs "
        "recording"
    )
    assert below <= {*measures.split(), "errors", "folders", "types", "wire"}


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__main__"])
def test_what_a_module_offers_is_listed_and_there(module):
    loaded = __import__(f"autograde.{module}" if module != FACE else "autograde", fromlist=["*"])
    assert isinstance(loaded.__all__, list)
    assert all(hasattr(loaded, name) for name in loaded.__all__)
