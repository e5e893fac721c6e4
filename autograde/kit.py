"""What students get: notebooks, the autograder and the data makers, as a folder, a zip and a git repository of one commit.

The files are listed here, kind by kind; nothing gets in because it happens to lie around. Then every file is searched for
texts of solutions and hidden tests.
"""

from __future__ import annotations

import os
import re
import secrets as random
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat

from .catchup import REFERENCES, sealed_references
from .course import CONFIG_NAME, Course
from .errors import CourseError
from .notebook import read_notebook
from .release import find_leaks, put_in_place, release, secrets
from .update import stamp

__all__ = ["MAX_KIT_BYTES", "Kit", "instructors_word", "make_kit", "student_config", "student_readme"]

MAX_KIT_BYTES = 5_000_000
_HERE = Path(__file__).resolve().parent
_PACKAGES = ("autograde", "data_scripts")
#: What belongs to a package; backups, caches, notes and recordings do not.
_PACKAGE_SUFFIXES = frozenset({".css", ".html", ".j2", ".js", ".md", ".png", ".py", ".svg", ".typed"})
#: In the packages a shorter line is an idiom, `for t in range(start, stop, depth):`; three in a row are found as a copy.
_MIN_PACKAGE_LINE = 40
_IGNORE = "".join(
    f"{line}\n"
    for line in (
        ".venv/",
        "__pycache__/",
        "*.egg-info/",
        ".ipynb_checkpoints/",
        "/build/",
        "/data/",
        "/release/*/backup/",
    )
)
_README = """\
# {title}

Three steps, in the folder above this one:

1. Install, once: `conda env create --file environment.yml`, `conda activate out-of-core`, `pip install --no-deps -e .`,
   or with Python alone: `python -m venv .venv`, `source .venv/bin/activate` (Windows: `.venv\\Scripts\\activate`),
   `pip install -e .`.
2. `jupyter lab release`, and open a notebook.
3. Run the cells from the top, write your answers, run the tests below them. `autograde check release` tells how far you are.
"""


@dataclass(frozen=True, slots=True)
class Kit:
    """A kit as it lies on disk."""

    folder: Path
    archive: Path
    repository: Path
    n_files: int
    size_bytes: int  # of all files, before compression


def make_kit(
    course: Course,
    out: Path,
    *,
    practice: bool = False,
    word: str | None = None,
    told: Callable[[str, int], None] = lambda step, total: None,
) -> Kit:
    """Make what students get of `course`: out/<name>/, out/<name>.zip and out/<name>.git; an older kit is replaced whole.

    Every assignment is released anew; the gradebook hears nothing of it. With `practice` the hidden tests come along, with a
    seed of their own. Solutions never do, but for references that are sealed with the codes made from the instructor's
    `word` (`autograde catchup`). `told` hears of each step, and of the number of all. Raises `CourseError` when
    anything hidden would get out, when the kit is over 5 MB, or when `out` is something else than a kit.
    """
    name = _name(course)
    out = out.resolve()
    _check_place(out, name)
    assignments = course.assignments()
    if not assignments:
        raise CourseError(f"{course.source('.')} has no assignments; a kit needs at least one notebook")
    steps = len(assignments) + 2
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        made = Path(scratch) / "kit"
        folder = made / name
        folder.mkdir(parents=True)
        for assignment in assignments:
            told(assignment, steps)
            target = folder / "release" / assignment
            release(course, assignment, target=target, full_tests=practice, keep_marks=False)
            for path in target.rglob("*.ipynb"):
                path.write_text(nbformat.writes(stamp(read_notebook(path))) + "\n", encoding="utf-8")
            if word is not None:
                (target / REFERENCES).write_text(sealed_references(course, assignment, word), encoding="utf-8")
        told("packages", steps)
        _copy_packages(folder, seed=random.randbelow(2**31) if practice else None)
        _write_top(course, folder, name, practice=practice)
        _check_nothing_hidden(course, folder, practice=practice)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        size_bytes = sum(path.stat().st_size for path in files)
        _check_size(folder, files, size_bytes)
        told("zip and git", steps)
        _write_zip(folder, files, made / f"{name}.zip")
        _write_repository(folder, made / f"{name}.git")
        made.chmod(0o755)
        put_in_place(made, out, Path(scratch) / "old")
    return Kit(out / name, out / f"{name}.zip", out / f"{name}.git", len(files), size_bytes)


def instructors_word(course: Course) -> str:
    """The word that codes are made from where none was given: drawn once, kept in build/."""
    path = course.build("kit-word")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"kit-word.{os.getpid()}")
        aside.touch(mode=0o600)
        aside.write_text(random.token_hex(8), encoding="utf-8")
        aside.replace(path)
    return path.read_text(encoding="utf-8").strip()


def _name(course: Course) -> str:
    """The name of the course as a file name."""
    wanted = str(course.config.CourseDirectory.get("course_id") or course.root.name)
    return re.sub(r"[^\w.-]+", "-", wanted).strip(".-") or "course"


def _check_place(out: Path, name: str) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise CourseError(f"{out} is a file; name a folder for the kit that does not exist yet, for example build/kit")
    there = {path.name for path in out.iterdir()}
    if there and there != {name, f"{name}.zip", f"{name}.git"}:
        raise CourseError(
            f"{out} holds something else than a kit, and would be replaced; name a new folder, for example build/kit"
        )


# --- what goes in -----------------------------------------------------------------------------------------------------


def _copy_packages(folder: Path, *, seed: int | None) -> None:
    """The packages of this installation. With `seed`, hidden tests draw other data than anywhere else."""
    root = _HERE.parent
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*")):
            inside = path.relative_to(root)
            hidden = any(part.startswith((".", "__pycache__")) for part in inside.parts)
            if path.is_file() and not path.is_symlink() and not hidden and path.suffix in _PACKAGE_SUFFIXES:
                (folder / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, folder / inside)
    if seed is not None:
        settings = folder / "data_scripts" / "settings.py"
        text = settings.read_text(encoding="utf-8")
        text, found = re.subn(r"^DEFAULT_HIDDEN_SEED = [\d_]+", f"DEFAULT_HIDDEN_SEED = {seed}", text, flags=re.M)
        if found != 1:
            raise CourseError(f"expected one line `DEFAULT_HIDDEN_SEED = <number>` in {settings.name}, found {found}")
        settings.write_text(text, encoding="utf-8")


def _write_top(course: Course, folder: Path, name: str, *, practice: bool) -> None:
    """The files beside the folders."""
    root = _HERE.parent
    for file, places in {
        "pyproject.toml": (root,),  # it installs the packages that are in the kit
        "environment.yml": (course.root, root),
        "LICENSE": (root,),
    }.items():
        found = next((place / file for place in places if (place / file).is_file()), None)
        if found is None:
            raise CourseError(
                f"there is no {file} in {places[-1]}, and a kit carries the autograder itself: "
                "install autograde from its repository (pip install --editable .), and make the kit from there"
            )
        shutil.copyfile(found, folder / file)
    (folder / CONFIG_NAME).write_text(student_config(course), encoding="utf-8")
    (folder / ".gitignore").write_text(_IGNORE, encoding="utf-8")
    guide = folder / "release" / "README.md"
    if not guide.is_file():
        guide.write_text(_README.format(title=name), encoding="utf-8")
    (folder / "README.md").write_text(
        student_readme(guide.read_text(encoding="utf-8"), practice=practice), encoding="utf-8"
    )


def student_readme(guide: str, *, practice: bool) -> str:
    """The guide of release/ as it reads one folder higher.

    >>> student_readme("# Hello\\n\\nThree steps, in the folder above this one:\\n", practice=True)
    '# Hello\\n\\nThree steps, in this folder:\\n\\nThe notebooks hold all tests: everything runs offline.\\n'
    """
    text = guide.replace("the folder above this one", "this folder").rstrip("\n")
    return text + ("\n\nThe notebooks hold all tests: everything runs offline.\n" if practice else "\n")


def student_config(course: Course) -> str:
    """nbgrader_config.py for students: the settings that `autograde check` and the Validate button need, nothing else."""
    settings = course.settings
    lines = [
        '"""Settings of the course, as its instructor has made them."""',
        "",
        "c = get_config()  # noqa: F821 - given by the loader",
        "",
        f"c.CourseDirectory.course_id = {str(course.config.CourseDirectory.get('course_id') or '')!r}",
        *(
            f"c.CourseSettings.{name} = {getattr(settings, name)!r}"
            for name in ("mode", "ceiling_scale", "test_seconds", "cell_seconds")
        ),
        f"c.CourseSettings.ceilings = {dict(settings.ceilings)!r}",
        "# The Validate button runs a whole notebook in one kernel.",
        f"c.Execute.timeout = {int(course.config.Execute.get('timeout') or settings.cell_seconds)}",
    ]
    return "\n".join(lines) + "\n"


# --- what must hold ---------------------------------------------------------------------------------------------------


def _check_nothing_hidden(course: Course, folder: Path, *, practice: bool) -> None:
    """Search every file of the kit for lines of solutions and hidden tests of any assignment."""
    paths = [path for name in course.assignments() for path in sorted(course.source(name).glob("*.ipynb"))]
    hidden = secrets((read_notebook(path) for path in paths), tests=not practice)
    telling = frozenset(line for line in hidden if len(line) >= _MIN_PACKAGE_LINE)
    leaks = []
    for part in sorted(folder.iterdir()):
        wanted = telling if part.name in _PACKAGES else hidden
        leaks += [f"{part.name}/{leak}".replace("/.:", ":") for leak in find_leaks(part, wanted)]
    for path in sorted(folder.rglob("*.ipynb")):
        if re.search(r"#+ BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)", path.read_text(encoding="utf-8")):
            leaks.append(f"{path.relative_to(folder)}: a marker of hidden text")
    if leaks:
        raise CourseError(
            f"no kit was made: {len(leaks)} hidden lines would get out, for example {leaks[0]!r}. "
            "Take the copy of the solution out of that file, or out of the source notebook that it comes from."
        )


def _check_size(folder: Path, files: list[Path], size_bytes: int) -> None:
    if size_bytes > MAX_KIT_BYTES:
        largest = max(files, key=lambda path: path.stat().st_size)
        raise CourseError(
            f"no kit was made: it would have {size_bytes / 1e6:.1f} MB, at most {MAX_KIT_BYTES / 1e6:.0f} are allowed. "
            f"The largest file is {largest.relative_to(folder)} ({largest.stat().st_size / 1e6:.1f} MB): "
            "let students make data on their machines (data_scripts), and keep pictures small."
        )


# --- how it travels ---------------------------------------------------------------------------------------------------


def _write_zip(folder: Path, files: list[Path], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(folder.parent).as_posix())


def _write_repository(folder: Path, path: Path) -> None:
    """A bare repository with one commit, whatever git is set to on this machine."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{who}_NAME": "autograde", f"GIT_{who}_EMAIL": "autograde@localhost"}

    def git(*arguments: str) -> None:
        try:
            subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
        except FileNotFoundError:
            raise CourseError(
                "no kit was made: git was not found, and a kit is a git repository too; install git"
            ) from None
        except subprocess.CalledProcessError as error:
            raise CourseError(f"no kit was made: git {arguments[0]} failed: {error.stderr.strip()[-300:]}") from error

    here = (f"--git-dir={path}", f"--work-tree={folder}", "-c", "core.autocrlf=false")
    git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(path))
    git(*here, "add", "--all", "--force", ".")
    git(*here, "commit", "--quiet", "--no-verify", "--message", "Exercises")
    (path / "index").unlink(missing_ok=True)  # clones have no use for it
