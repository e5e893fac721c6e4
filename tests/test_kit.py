"""A kit has what students need and nothing hidden; an old one stays when a new one fails."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import nbformat
import pytest
import toys
from click.testing import CliRunner

from autograde import kit as kit_module
from autograde.cli import main
from autograde.course import find_course, settings_near
from autograde.errors import CourseError
from autograde.kit import make_kit, student_config, student_readme

GUIDE = "# Toys\n\nThree steps, in the folder above this one:\n\n1. a\n2. b\n3. c\n"
SOLUTION = "doubled_by_hand = 2 * values"
HIDDEN_TEST = 'assert double(-17) == -34, "double(-17) is -34, which is secret"'

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="a kit is a git repository too")


def write_course(root):
    course = toys.write_course(root, more='c.CourseSettings.ceilings = {"count": "24 MiB"}\nc.Secret.token = "hush"')
    (root / "source" / "STUDENTS.md").write_text(GUIDE)
    for folder, file in (("submitted/ada/toy", "exercise.ipynb"), ("tests/gallery", "a.py"), ("source", "README.md")):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / file).write_text("private")
    return course


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("kit")
    course = write_course(root / "course")
    return course, make_kit(course, root / "out")


@pytest.fixture(scope="module")
def practice(made, tmp_path_factory):
    return make_kit(made[0], tmp_path_factory.mktemp("practice") / "out", practice=True)


def files(folder):
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith(".git/")}


def all_text(folder):
    return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file())


def test_it_holds_notebooks_packages_and_what_installs_them_and_nothing_else(made):
    _, kit = made
    names = files(kit.folder)
    outside = {name for name in names if not name.startswith(("autograde/", "data_scripts/"))}
    assert outside == {
        ".gitignore",
        "LICENSE",
        "README.md",
        "environment.yml",
        "nbgrader_config.py",
        "pyproject.toml",
        "release/README.md",
        "release/toy/exercise.ipynb",
    }
    assert {"autograde/cli.py", "autograde/templates/index.html.j2", "data_scripts/py.typed"} <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert kit.n_files == len(names)
    assert kit.size_bytes < 5_000_000


def test_the_zip_and_the_clone_are_the_folder(made, tmp_path):
    _, kit = made
    with zipfile.ZipFile(kit.archive) as archive:
        archive.extractall(tmp_path / "zip")
    subprocess.run(["git", "clone", "--quiet", str(kit.repository), str(tmp_path / "clone")], check=True)
    for copy in (tmp_path / "zip" / "toy", tmp_path / "clone"):
        assert files(copy) == files(kit.folder)
        assert all((copy / name).read_bytes() == (kit.folder / name).read_bytes() for name in files(copy))


def test_the_repository_has_one_commit_and_names_nobody(made):
    log = subprocess.run(
        ["git", "-C", str(made[1].repository), "log", "--all", "--format=%an %ae %s"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert log.stdout == "autograde autograde@localhost Exercises\n"


def test_no_hidden_text_is_in_it(made):
    text = all_text(made[1].folder)
    assert SOLUTION not in text
    assert "which is secret" not in text


def test_with_practice_the_full_tests_come_along_and_solutions_do_not(practice):
    book = nbformat.read(practice.folder / "release" / "toy" / "exercise.ipynb", 4)
    texts = {cell.metadata.nbgrader.grade_id: cell for cell in book.cells if "nbgrader" in cell.metadata}
    assert texts["test_double"].source == f'assert double(3) == 6, "double(3) is 6"\n{HIDDEN_TEST}'
    assert SOLUTION not in all_text(practice.folder)
    assert "all tests" in (practice.folder / "README.md").read_text()


def test_nbgrader_takes_the_full_tests_for_unchanged(practice):
    from nbgrader.utils import compute_checksum

    book = nbformat.read(practice.folder / "release" / "toy" / "exercise.ipynb", 4)
    tests = [cell for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert [cell.metadata.nbgrader.checksum for cell in tests] == [compute_checksum(cell) for cell in tests]


def test_with_practice_hidden_data_has_a_seed_of_its_own(made, practice):
    def seed(kit):
        text = (kit.folder / "data_scripts" / "settings.py").read_text()
        ast.parse(text)
        return int(re.search(r"^DEFAULT_HIDDEN_SEED = ([\d_]+)", text, re.M)[1])

    assert seed(practice) != seed(made[1]) == 20_250_611


def test_the_gradebook_hears_nothing_of_it(made):
    assert not (made[0].root / "gradebook.db").exists()
    assert not (made[0].root / "release").exists()


def test_settings_go_along_and_other_configuration_does_not(made):
    course, kit = made
    assert settings_near(kit.folder / "release" / "toy") == course.settings
    assert course.settings.ceilings == {"count": 24 * toys.MIB}
    assert "hush" not in student_config(course)


def test_the_guide_is_on_top_and_names_its_own_folder(made):
    folder = made[1].folder
    assert (folder / "release" / "README.md").read_text() == GUIDE
    assert (folder / "README.md").read_text() == GUIDE.replace("the folder above this one", "this folder")


def test_a_course_without_a_guide_gets_three_steps(tmp_path):
    kit = make_kit(toys.write_course(tmp_path / "course"), tmp_path / "out")
    text = (kit.folder / "README.md").read_text()
    assert re.findall(r"^\d\.", text, re.M) == ["1.", "2.", "3."]
    assert student_readme(GUIDE, practice=False).startswith("# Toys\n\nThree steps, in this folder:")


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("source/STUDENTS.md", f"Try `{SOLUTION}`."),
        ("environment.yml", f"# {HIDDEN_TEST}\n"),
        ("source/toy/helpers.py", "def f(values):\n    return doubled_by_hand\n"),
    ],
)
def test_a_hidden_line_anywhere_stops_it_and_the_old_kit_stays(course, tmp_path, where, text):
    old = tmp_path / "out"
    make_kit(course, old)
    before = sorted(files(old))
    (course.root / where).write_text(text)
    with pytest.raises(CourseError, match=r"[12] hidden lines would get out, for example '.*"):
        make_kit(course, old)
    assert sorted(files(old)) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["course", "out"]


def test_a_solution_in_a_package_is_found(course, tmp_path, monkeypatch):
    root = tmp_path / "installed"
    for name in ("autograde", "data_scripts"):
        shutil.copytree(kit_module._HERE.parent / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "environment.yml", "LICENSE"):
        shutil.copyfile(kit_module._HERE.parent / name, root / name)
    (root / "data_scripts" / "notes.py").write_text(f"{SOLUTION}\n")
    (root / "autograde" / "todo.txt").write_text(f"{SOLUTION}\n")  # no part of a package, and left out
    monkeypatch.setattr(kit_module, "_HERE", root / "autograde")
    with pytest.raises(CourseError, match=r"1 hidden lines .*data_scripts/notes\.py: doubled_by_hand = 2 \* values"):
        make_kit(course, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_kit_that_is_too_large_is_refused_and_the_largest_file_is_named(course, tmp_path):
    (course.root / "source" / "toy" / "stack.bin").write_bytes(bytes(5_000_000))
    with pytest.raises(
        CourseError, match=r"at most 5 are allowed. The largest file is release/toy/stack.bin \(5.0 MB\)"
    ):
        make_kit(course, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_new_kit_replaces_an_old_one_and_nothing_else(course, tmp_path):
    make_kit(course, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "toy" / "release")
    assert (make_kit(course, tmp_path / "out").folder / "release" / "toy" / "exercise.ipynb").is_file()
    with pytest.raises(CourseError, match="something else than a kit"):
        make_kit(course, course.root)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CourseError, match="is a file"):
        make_kit(course, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_without_git_it_says_so(course, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CourseError, match="git was not found"):
        make_kit(course, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_kit_installs_and_checks_a_notebook_in_an_environment_of_its_own(made, tmp_path):
    """The packages that it needs are those of this environment; tests/benchmarks/newcomer.py installs them, too."""
    folder = shutil.copytree(made[1].folder, tmp_path / "kit")
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)
    scripts = environment / ("Scripts" if sys.platform == "win32" else "bin")
    own = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    (own / "packages.pth").write_text("".join(f"{place}\n" for place in sys.path if "site-packages" in place))
    installer = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(scripts / "python")]
    subprocess.run([*installer, "install", "--quiet", "--no-deps", str(folder)], check=True)
    for package, files in {"autograde": ("py.typed", "templates/board.html.j2"), "data_scripts": ("py.typed",)}.items():
        assert all((own / package / file).is_file() for file in files)
    answered = toys.answered(nbformat.read(folder / "release" / "toy" / "exercise.ipynb", 4), toys.RIGHT)
    toys.write(answered, folder / "release" / "toy" / "exercise.ipynb")
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "AUTOGRADE_BOARD")}
    variables["PATH"] = os.pathsep.join([str(scripts), variables["PATH"]])
    command = [str(scripts / "autograde"), "check", "release", "--format", "json"]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [row["verdict"] for row in json.loads(done.stdout)] == ["AC", "AC"]


def test_the_command_names_what_it_made(course, tmp_path):
    done = CliRunner().invoke(main, ["--course", str(course.root), "kit", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "no hidden text in it" in done.stdout
    assert str(tmp_path / "out" / "toy.zip") in done.stdout


def test_the_kit_of_this_course_is_small_and_has_every_assignment(tmp_path):
    course = find_course(Path(__file__).resolve().parents[1])
    kit = make_kit(course, tmp_path / "out", word="seventeen tulips")
    assert {path.name for path in (kit.folder / "release").iterdir()} == {*course.assignments(), "README.md"}
    assert kit.size_bytes < 5_000_000
