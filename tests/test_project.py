"""The repository keeps its promises: one list of packages, a current release, commands that exist, no machine named."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from autograde.course import find_course
from autograde.release import find_leaks, release, secrets

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked():
    """Files that git tracks, and that are there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in listed.split(b"\0") if name and (path := ROOT / os.fsdecode(name)).is_file()]


def is_text(path):
    return b"\0" not in path.read_bytes()[:8192]


# --- packages -----------------------------------------------------------------------------------------------------------


def requirement(text):
    """(name, range, marker) of a requirement; `dask[array]` is `dask` for conda, which knows no extras."""
    # conda writes `python>=3.11,<3.14` as pip does; a single = would not be a range
    parsed = Requirement(text)
    return parsed.name.lower().replace("_", "-"), SpecifierSet(str(parsed.specifier)), str(parsed.marker or "")


def in_pyproject():
    project = PYPROJECT["project"]
    texts = project["dependencies"] + project["optional-dependencies"]["dev"]
    return {name: (versions, marker) for name, versions, marker in map(requirement, texts)}


def in_environment():
    """(conda packages, pip packages) of environment.yml."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    (pip,) = (item["pip"] for item in listed if isinstance(item, dict))
    return [item for item in listed if isinstance(item, str)], pip


def test_environment_and_pyproject_name_the_same_packages_and_ranges():
    conda, pip = in_environment()
    both = {name: (versions, marker) for name, versions, marker in map(requirement, conda + pip)}
    python, _ = both.pop("python")
    both.pop("pip")
    assert python == SpecifierSet(PYPROJECT["project"]["requires-python"])
    assert both == in_pyproject()


def test_memray_is_installed_by_pip_and_not_on_windows():
    conda, pip = in_environment()
    assert not [text for text in conda if text.startswith("memray")]
    assert [requirement(text)[2] for text in pip if text.startswith("memray")] == ['sys_platform != "win32"']


def test_no_version_is_pinned_and_none_is_without_a_lower_bound():
    for name, (versions, _) in in_pyproject().items():
        assert versions, name
        assert not [part for part in versions if part.operator in ("==", "===", "~=")], name


def test_what_the_code_imports_is_a_dependency():
    declared = set(in_pyproject())
    known = {"traitlets": "traitlets", "IPython": "ipykernel", "sqlalchemy": "sqlalchemy"}
    for library, package in known.items():
        imported = re.compile(rf"^\s*(from|import) {library}\b", re.M)
        used = any(imported.search(path.read_text(encoding="utf-8")) for path in (ROOT / "autograde").glob("*.py"))
        assert not used or package in declared, f"{library} is imported, and {package} is not in pyproject.toml"


def test_pytest_accepts_its_configuration():
    """A warning there is an error here; both would stop every run."""
    options = PYPROJECT["tool"]["pytest"]["ini_options"]
    known = {"testpaths", "addopts", "filterwarnings", "xfail_strict", "timeout", "norecursedirs", "markers"}
    assert set(options) <= known
    assert any(Path(".hypothesis").match(pattern) for pattern in options["norecursedirs"])


# --- files --------------------------------------------------------------------------------------------------------------


def test_no_tracked_file_is_larger_than_1_mb():
    assert [path.name for path in tracked() if path.stat().st_size > 1_000_000] == []


def test_nothing_that_work_produces_is_tracked():
    work = r"^(build|data|submitted|autograded|feedback|\.venv)/"
    produced = re.compile(work + r"|gradebook\.db|__pycache__|\.ipynb_checkpoints")
    assert [name for path in tracked() if produced.search(name := path.relative_to(ROOT).as_posix())] == []


#: Homes and mounts of one machine, and addresses of package indexes other than the names that everybody has.
OF_ONE_MACHINE = re.compile(
    r"(?<![\w.])/(root|work|home/[a-z]\w*|Users/[A-Za-z]\w*|opt/wheels|mnt/\w+)/"
    r"|--(extra-)?index-url\s+http|--find-links\s+[/h]|files\.pythonhosted\.org|PIP_INDEX_URL\s*="
)


def test_no_tracked_text_has_paths_of_a_machine_or_addresses_of_a_package_index():
    found = []
    for path in tracked():
        if path.name == Path(__file__).name or not is_text(path):
            continue
        name = path.relative_to(ROOT)
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [f"{name}:{n}: {line[:120]}" for n, line in enumerate(lines, 1) if OF_ONE_MACHINE.search(line)]
    assert found == []


def test_every_tracked_text_is_utf8_with_unix_line_ends():
    for path in tracked():
        if is_text(path):
            data = path.read_bytes()
            assert b"\r" not in data, path
            assert data.decode("utf-8") is not None


# --- notebooks ----------------------------------------------------------------------------------------------------------

ASSIGNMENTS = find_course(ROOT).assignments()


@pytest.fixture(scope="module")
def course():
    return find_course(ROOT)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_release_is_current(course, tmp_path, assignment):
    """Otherwise run `make release`."""
    made = release(course, assignment, target=tmp_path / assignment)
    names = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    assert names
    for name in names:
        assert (made / name).read_bytes() == (ROOT / "release" / assignment / name).read_bytes(), name
    kept = {
        path.relative_to(ROOT / "release" / assignment) for path in (ROOT / "release" / assignment).rglob("*.ipynb")
    }
    assert {name for name in kept if ".ipynb_checkpoints" not in name.parts} == {
        n for n in names if n.suffix == ".ipynb"
    }


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_nothing_hidden_is_in_the_release(assignment):
    sources = [nbformat.read(path, 4) for path in sorted((ROOT / "source" / assignment).glob("*.ipynb"))]
    assert find_leaks(ROOT / "release" / assignment, secrets(sources)) == []
    for path in (ROOT / "release" / assignment).rglob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert not re.search("BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)", text), path


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_source_notebooks_are_kept_without_outputs(assignment):
    for path in sorted((ROOT / "source" / assignment).glob("*.ipynb")):
        for cell in nbformat.read(path, 4).cells:
            assert not cell.get("outputs"), f"{path.name}: {cell.source[:60]!r}"
            assert cell.get("execution_count") is None


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_exercise_has_a_gallery(course, assignment):
    for notebook in course.notebooks(assignment).values():
        for exercise in notebook.exercises():
            assert (ROOT / "tests" / "gallery" / assignment / exercise / "accepted").is_dir(), exercise


# --- commands -----------------------------------------------------------------------------------------------------------


def commands_in(path):
    """Lines of the shell blocks of a guide."""
    fences = re.findall(r"^ *```(\w*)\n(.*?)^ *```", path.read_text(encoding="utf-8"), re.M | re.S)
    blocks = [block for language, block in fences if language in ("", "bash", "console", "sh", "shell")]
    return [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]


GUIDES = ["README.md", "CONTRIBUTING.md", "source/README.md", "release/README.md", "autograde/README.md"]


def test_the_readme_shows_make_demo_and_make_test():
    commands = commands_in(ROOT / "README.md")
    assert any(line.startswith("make demo") for line in commands)
    text = "\n".join((ROOT / guide).read_text(encoding="utf-8") for guide in GUIDES if (ROOT / guide).exists())
    assert "make test" in text


@pytest.mark.parametrize("guide", [guide for guide in GUIDES if (ROOT / guide).exists()])
def test_every_make_target_in_a_guide_exists(guide):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.M))
    text = (ROOT / guide).read_text(encoding="utf-8")
    named = {
        name for line in commands_in(ROOT / guide) if (m := re.match(r"make ([a-z]\w*)", line)) for name in m.groups()
    }
    named |= set(re.findall(r"`make ([a-z][\w-]*)`", text))
    assert named <= targets, f"{guide} names {named - targets}"


@pytest.mark.parametrize("guide", [guide for guide in GUIDES if (ROOT / guide).exists()])
def test_every_autograde_command_and_option_in_a_guide_exists(guide):
    from autograde.cli import main

    text = (ROOT / guide).read_text(encoding="utf-8")
    lines = [line for line in commands_in(ROOT / guide) if line.startswith("autograde ")]
    lines += re.findall(r"`(autograde [a-z][^`]*)`", text)
    for line in lines:
        words = line.split("#")[0].split("&&")[0].split()[1:]
        while words and words[0].startswith("-"):
            words = words[2:] if words[0] == "--course" else words[1:]
        if not words or not re.fullmatch("[a-z]+", words[0]):
            continue
        command = main.commands.get(words[0])
        assert command is not None, f"{guide}: {line}"
        options = {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}
        for word in words[1:]:
            if word.startswith("--"):
                assert word.split("=")[0].rstrip(",.;") in options, f"{guide}: {line}"


@pytest.mark.parametrize("target", ["demo", "test"])
def test_make_knows_how_to(target):
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_links_between_guides_lead_somewhere():
    missing = []
    for guide in GUIDES:
        path = ROOT / guide
        if not path.exists():
            continue
        links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        missing += [f"{guide}: {link}" for link in links if not (path.parent / link).exists()]
    assert missing == []
