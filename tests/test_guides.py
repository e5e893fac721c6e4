"""Every command in a guide is run: here, in a course that looks like ours, or where the table says."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import zipfile

import nbformat
import pytest
import toys
from click.testing import CliRunner
from test_project import GUIDES, ROOT, commands_in

from autograde.catchup import codes
from autograde.cli import main
from autograde.course import find_course
from autograde.kit import instructors_word, make_kit
from autograde.release import release

sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
import room

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux"),
    pytest.mark.skipif(shutil.which("git") is None, reason="a kit is a git repository too"),
]

#: Commands that are run elsewhere, and by what.
ELSEWHERE = {
    "autograde board": "tests/test_board.py",  # stays until Ctrl-C
    "autograde data --real idr": "tests/test_data_real.py",  # asks an archive; a server of the test stands in
    'autograde data --real idr --file "2/*" --file zarr.json': "tests/test_data_real.py",
    "autograde doctor": "tests/test_doctor.py",
    "autograde doctor --line": "tests/test_doctor.py",
    "autograde data": "tests/test_cli.py",
    "autograde verify 2-conversion": "tests/test_guides.py",  # with --exercise
    "autograde verify 9-mine --exercise brightest --verbose": "tests/test_authoring.py",
    "autograde release 9-mine": "tests/test_authoring.py",
    "conda env create --file environment.yml": "tests/test_project.py",  # its packages are those of pyproject.toml
    "conda activate out-of-core": "tests/test_project.py",
    "jupyter lab release": "tests/test_jupyterlab.py",
    "napari --plugin napari-ome-zarr my_volume.zarr": "pyproject.toml",  # an extra, tried by hand: it wants a screen
    'pip install -e ".[napari]"': "pyproject.toml",
    "pip install --no-deps -e .": "tests/test_kit.py",
    "pip install -e .": "tests/benchmarks/newcomer.py",
    "python -m venv .venv": "tests/benchmarks/newcomer.py",
    "source .venv/bin/activate": "tests/benchmarks/newcomer.py",
    "pre-commit install": ".pre-commit-config.yaml",
    "python tests/benchmarks/meter.py": "tests/benchmarks/meter.py",  # a benchmark is its own run
    "python tests/benchmarks/pictures.py": "tests/benchmarks/pictures.py",
    "python tests/benchmarks/newcomer.py instructor": "tests/benchmarks/newcomer.py",
    "python tests/benchmarks/newcomer.py student": "tests/benchmarks/newcomer.py",
    "python tests/benchmarks/projection.py": "tests/benchmarks/projection.py",
    "python tests/benchmarks/room.py --stay": "tests/test_board.py",
    "python tests/attacks": "tests/test_attacks.py",  # the same class
    "python tests/crashes.py": "tests/test_class.py",  # the same matrix
    "python tests/benchmarks/class.py": "tests/benchmarks/class.py",
    "python tests/benchmarks/conversion.py": "tests/test_conversion_peers.py",  # a tiny one; this takes ten minutes
    "python tests/benchmarks/terabyte.py": "tests/benchmarks/terabyte.py",
    "python tests/benchmarks/terabyte.py --choice": "tests/benchmarks/terabyte.py",
    "python -m data_scripts.slides presentation.ipynb": "tests/test_slides.py",
    "autograde terabyte": "tests/test_terabyte.py",  # a small one; this takes ten minutes
    "autograde feedback 2-conversion": "tests/test_feedback.py",  # of a graded course
    "autograde grade --sandbox auto": "tests/test_sandbox.py",
    "autograde grade 2-conversion --scheduler ADDRESS": "tests/test_class.py",
    "autograde grade 8-project-without-code --roster roster.csv": "tests/test_teams.py",
    "nbgrader autograde": "tests/test_formgrader.py",
    "python tests/benchmarks/sandbox.py": "tests/benchmarks/sandbox.py",
}
#: What stands for something else in a guide.
WORDS = {"NOTEBOOK": "release/2-conversion/imaging.ipynb", "ASSIGNMENT": "2-conversion"}
#: What a command leaves.
MAKES = {
    "autograde collect": "submitted/ada/2-conversion/imaging.ipynb",
    "autograde kit": "build/kit/toy.zip",
    "autograde release 2-conversion --solutions": "release-solutions/2-conversion/imaging.ipynb",
    "autograde report": "build/report/2-conversion/index.html",
}
STUB = "def downsample2(x):\n"
SOLUTION = f"{STUB}    ### BEGIN SOLUTION\n    return [2 * value for value in x]\n    ### END SOLUTION"
TEST = """\
assert downsample2([3, 4]) == [6, 8], "twice each"
### BEGIN HIDDEN TESTS
assert downsample2([]) == []
### END HIDDEN TESTS"""
GALLERY = {
    "accepted/loop": f"{STUB}    made = []\n    for value in x:\n        made.append(value + value)\n    return made",
    "accepted/map": f"{STUB}    return list(map(lambda value: value * 2, x))",
    "wrong_answer/same": f"{STUB}    return x",
    "wrong_answer/strided": f"{STUB}    return x[::2]",
    "wrong_answer/twice_as_long": f"{STUB}    return 2 * x",
}


def commands():
    """Every command of the guides, once each: lines of shell blocks, and commands in running text."""
    found = []
    for guide in GUIDES:
        text = (ROOT / guide).read_text(encoding="utf-8")
        running = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
        shells = ("autograde", "conda", "jupyter", "napari", "nbgrader", "pip", "pre-commit", "pytest", "python")
        found += [
            line.partition(" #")[0] for line in commands_in(ROOT / guide) if line.split(" ")[0] in (*shells, "source")
        ]
        found += re.findall(rf"`((?:{'|'.join(shells)}|source \.)[\s/][^`]+)`", running)
    return sorted({" ".join(line.split()) for line in found if not line.startswith("source notebook")})


def is_a_name(line):
    """`autograde verify` in running text is the name of a command that wants arguments."""
    words = line.split()
    command = main.commands.get(words[1]) if words[0] == "autograde" and len(words) == 2 else None
    return command is not None and any(one.required for one in command.params)


HERE = [line for line in commands() if line not in ELSEWHERE and not is_a_name(line)]


def test_every_command_is_run_here_or_where_the_table_says():
    assert [line for line in HERE if not line.startswith("autograde ")] == []
    for place in ELSEWHERE.values():
        assert (ROOT / place).is_file()
    assert len(HERE) > 15


@pytest.fixture(scope="module")
def like_ours(tmp_path_factory):
    """A course with the names of ours and one easy exercise, and what its commands want: a roster, an export, a kit."""
    root = tmp_path_factory.mktemp("guides") / "course"
    cells = (toys.solution("downsample2", SOLUTION), toys.test("test_downsample2", TEST))
    course = toys.write_course(root, {"imaging": toys.book(toys.text("# Imaging"), *cells)}, name="2-conversion")
    for name, text in GALLERY.items():
        path = root / "tests" / "gallery" / "2-conversion" / "downsample2" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    (root / "roster.csv").write_text("id,name\nada,Ada Lovelace\nmia,Mia\n")
    path = release(course, "2-conversion") / "imaging.ipynb"
    answered = toys.answered(nbformat.read(path, 4), {"downsample2": GALLERY["accepted/loop"]})
    with zipfile.ZipFile(root / "export.zip", "w") as archive:
        archive.writestr("Ada Lovelace_17_assignsubmission_file_/imaging.ipynb", nbformat.writes(answered))
    word = instructors_word(course)
    kit = make_kit(course, root / "handed-out", word=word)
    shutil.copy(kit.archive, root / "new-kit.zip")
    shutil.rmtree(course.release("2-conversion"))
    shutil.copytree(kit.folder / "release" / "2-conversion", course.release("2-conversion"))
    nbformat.write(answered, path)
    return root, codes(course, word)["2-conversion/imaging/downsample2"]


@pytest.mark.parametrize("line", HERE)
def test_a_command_of_a_guide_does_what_it_says(line, like_ours, tmp_path, monkeypatch):
    root, code = like_ours
    course = find_course(shutil.copytree(root, tmp_path / "course"))
    toys.write(
        nbformat.read(course.release("2-conversion") / "imaging.ipynb", 4),
        course.submitted("ada", "2-conversion") / "imaging.ipynb",
    )
    monkeypatch.chdir(course.root)
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    with room.running_board(tmp_path / "board.txt", room.places_of(course)) as address:
        words = {**WORDS, "CODE": code, "ADDRESS": address}
        arguments = [words.get(word, word) for word in shlex.split(line)[1:]]
        done = CliRunner().invoke(main, arguments, input="")
    assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception!r}"
    for words, made in MAKES.items():
        if line.startswith(words):
            assert (course.root / made).exists()
