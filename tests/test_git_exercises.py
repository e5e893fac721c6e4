"""Practice repositories: the user's own git is left alone, a hostile repository runs nothing where it is read."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import nbformat
import pytest

from autograde.jobs import run_job
from autograde.session import Job
from autograde.types import Exit
from data_scripts import git_command
from data_scripts.git_command import GitError, GitMissing, git, git_version, remove_tree, run_git
from data_scripts.git_reading import RepositoryProblem, ignored_by, read_repository
from data_scripts.git_story import chunks_text, colleague, shared_project

SOURCE = Path(__file__).parents[1] / "source" / "6-git-and-github" / "git_and_github.ipynb"


@pytest.fixture
def place():
    """A folder below the system's temporary one, where practice repositories have to be."""
    with tempfile.TemporaryDirectory(prefix="test-git-") as folder:
        yield Path(folder).resolve()


def trap(folder, name="trap"):
    """A program that notes that it ran, and in whose process; and the file in which it does so."""
    note = folder / f"{name}.txt"
    program = folder / f"{name}.sh"
    program.write_text(f'#!/bin/sh\necho "$0 judged=${{AUTOGRADE_JUDGED:-no}}" >> "{note}"\ncat\n')
    program.chmod(0o755)
    return program, note


def plant(repo, program):
    """Make git run `program` whenever it looks at the repository."""
    settings = {
        "core.fsmonitor": program,
        "core.hooksPath": program.parent / "hooks",
        "core.pager": program,
        "core.editor": program,
        "core.sshCommand": program,
        "diff.external": program,
        "filter.trap.clean": program,
        "filter.trap.smudge": program,
        "filter.trap.process": program,
        "uploadpack.packObjectsHook": program,
    }
    with (repo / ".git" / "config").open("a") as config:
        for name, value in settings.items():
            section, _, key = name.rpartition(".")
            first, _, second = section.partition(".")
            config.write(f'[{first} "{second}"]\n' if second else f"[{first}]\n")
            config.write(f"\t{key} = {value}\n")
    (repo / ".git" / "info").mkdir(exist_ok=True)
    (repo / ".git" / "info" / "attributes").write_text("* filter=trap diff=trap\n")
    hooks = program.parent / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction"):
        (hooks / hook).write_bytes(program.read_bytes())
        (hooks / hook).chmod(0o755)


# --- the user's own git -------------------------------------------------------------------------------------------------


def test_the_users_own_configuration_is_neither_read_nor_changed(place, monkeypatch):
    home = place / "home"
    (home / ".config" / "git").mkdir(parents=True)
    program, note = trap(place)
    own = f"[user]\n\tname = Somebody Else\n[core]\n\tfsmonitor = {program}\n\thooksPath = {place}\n"
    own += "[commit]\n\tgpgSign = true\n"
    own += f"[gpg]\n\tprogram = {program}\n[init]\n\tdefaultBranch = trunk\n[push]\n\tdefault = nothing\n"
    for path in (home / ".gitconfig", home / ".config" / "git" / "config"):
        path.write_text(own)
    system = place / "system"
    system.write_text(own)
    for name, value in {
        "HOME": home,
        "XDG_CONFIG_HOME": home / ".config",
        "GIT_CONFIG_GLOBAL": home / ".gitconfig",
        "GIT_CONFIG_SYSTEM": system,
        "GIT_DIR": place / "elsewhere",  # as in a hook of git's, where pytest may have been started from
        "GIT_AUTHOR_NAME": "Somebody Else",
    }.items():
        monkeypatch.setenv(name, str(value))
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}

    you = shared_project(place / "work")
    run_git("switch --quiet -c traces", cwd=you)
    (you / "chunks.yml").write_text(chunks_text((1, 2, 3)))
    run_git("commit --quiet -a -m 'Chunks for traces'", cwd=you)
    colleague(place / "work", {"chunks.yml": chunks_text((3, 2, 1))}, "Chunks for the viewer")
    run_git("push --quiet -u origin traces", cwd=you)
    run_git("pull origin main", cwd=you, check=False)

    assert not note.exists()
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(path for path in home.rglob("*") if path.is_file()) == sorted(p for p in before if home in p.parents)
    seen = read_repository(you)
    assert set(seen.branches) == {"main", "traces"}
    assert {commit.author for commit in seen.commits.values()} == {
        "Ada Student <ada@example.org>",
        "Bo Colleague <bo@example.org>",
    }


def test_commits_are_the_same_on_every_machine(place):
    seen = read_repository(shared_project(place / "work"))
    assert seen.branches["main"] == "09ec53f6ea4bcca7589107bd708de2750deafcf9"


def test_git_outside_of_practice_repositories_is_refused():
    with pytest.raises(ValueError, match=r"practice repositories.*got cwd=.*Pass cwd=repo"):
        run_git("status", cwd=Path(Path(__file__).anchor))


def test_a_repository_above_the_folder_for_temporary_files_is_not_found(place):
    with pytest.raises(GitError, match="There is no repository here yet: `init` makes one"):
        run_git("status", cwd=place)


# --- messages -----------------------------------------------------------------------------------------------------------


def test_without_git_the_message_says_how_to_install_it(monkeypatch):
    git_version.cache_clear()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitMissing, match=r"need the program git, and it was not found\. Install it: Windows: Git for"):
        git_version()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("git version 2.29.1\n", r"need git 2\.30 or newer, this is 2\.29\.1\. Install it"),
        ("xcrun: error: no developer tools\n", r"does not work: xcrun: error: no developer tools Install it"),
    ],
)
def test_a_git_that_is_too_old_or_broken_is_told(place, monkeypatch, said, words):
    git_version.cache_clear()
    program = place / "git"
    program.write_text(f"#!/bin/sh\nprintf '{said}'\n".replace("\n'", "\\n'"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(place))
    with pytest.raises(GitMissing, match=words):
        git_version()


@pytest.fixture(autouse=True)
def known_version():
    yield
    git_version.cache_clear()


def test_versions_of_windows_and_macos_are_understood(monkeypatch):
    for said, version in (
        ("git version 2.45.1.windows.1", (2, 45, 1)),
        ("git version 2.39.5 (Apple Git-154)", (2, 39, 5)),
    ):
        git_version.cache_clear()
        done = subprocess.CompletedProcess([], 0, stdout=said, stderr="")
        monkeypatch.setattr(git_command.subprocess, "run", lambda *_, done=done, **__: done)
        assert git_version() == version


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("commit", "There is no change to commit"),
        ("commit --allow-empty", 'A commit wants a message: commit -m "what was done"'),
        ("add nothing.txt", "Is the name right"),
        ("commit -m 'Bo's chunks'", "a quotation mark opens and does not close"),
        ("push origin HEAD:main", "Somebody pushed first: `fetch`, then"),
    ],
)
def test_a_failing_command_says_what_to_do(place, command, words):
    you = shared_project(place / "work")
    if command.startswith("push"):
        colleague(place / "work", {"a.md": "a"}, "A file of Bo's")
        run_git("commit --quiet --allow-empty -m 'Mine'", cwd=you)
    with pytest.raises(GitError, match=words):
        run_git(command, cwd=you)


def test_a_command_is_shown_as_in_a_terminal(place, capsys):
    you = shared_project(place / "work")
    assert git("git branch --list", cwd=you) == "* main\n"
    assert capsys.readouterr().out == "$ git branch --list\n* main\n"


# --- reading ------------------------------------------------------------------------------------------------------------


def test_what_a_command_says_is_shown_once_in_a_notebook(place):
    from IPython.core.interactiveshell import InteractiveShell

    said = git("init", cwd=place)
    data, _ = InteractiveShell().display_formatter.format(said)
    assert data == {}, "printed already, and not shown again as the value of the cell"
    assert isinstance(said, str)
    assert said.splitlines()[0].startswith("Initialized empty Git repository")


def test_a_repository_is_read_as_git_reads_it(place):
    you = shared_project(place / "work", {"docs/étude.md": "a\n"})
    colleague(place / "work", {"b.md": "b"}, "A file of Bo's\n\nWith a body.")
    run_git("fetch --quiet", cwd=you)
    run_git("tag -a one -m 'A tag' origin/main", cwd=you)
    run_git("gc --quiet", cwd=you)  # packed objects and references
    seen = read_repository(you)
    tip = seen.history(seen.references["refs/remotes/origin/main"])[0]
    assert (tip.subject, tip.parents) == ("A file of Bo's", (seen.branches["main"],))
    assert set(seen.tip("main").files) == set(run_git("ls-tree -r --name-only main", cwd=you).splitlines())
    assert seen.head == "main"
    assert seen.head_id == run_git("rev-parse HEAD", cwd=you).strip()
    assert seen.upstream_of("main") == "origin/main"
    assert seen.upstream_of("other") is None
    assert not seen.merging
    assert set(seen.staged) == set(seen.tip("main").files)


def test_line_ends_of_windows_are_read_as_any_other(place):
    you = shared_project(place / "work")
    for attributes in ("* text=auto eol=lf\n", ""):
        (you / ".gitattributes").write_text(attributes)
        (you / "chunks.yml").write_bytes(chunks_text((1, 2, 3)).replace("\n", "\r\n").encode())
        run_git(["commit", "--quiet", "-a", "-m", f"As Windows writes it {attributes}"], cwd=you)
        seen = read_repository(you)
        assert seen.text(seen.tip("main"), "chunks.yml") == chunks_text((1, 2, 3))


def test_what_is_ignored_is_what_git_ignores(place):
    rules = {".gitignore": b"*.zarr/\r\n/data/\r\n!keep.zarr/\r\n", "sub/.gitignore": b"*.txt\n", "../out": b"*"}
    names = ["a.zarr/x", "deep/b.zarr/c/0", "a.zarr", "keep.zarr/x", "data/x", "src/data/x", "sub/a.txt", "a.txt"]
    assert ignored_by(rules, names) == {"a.zarr/x", "deep/b.zarr/c/0", "data/x", "sub/a.txt"}


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda git: (git / "HEAD").unlink(), "There is no git repository in the folder you"),
        (lambda git: (git / "objects" / "info" / "alternates").write_text("/etc\n"), "borrows objects from another"),
        (lambda git: (git / "commondir").write_text("../other\n"), "borrows objects from another"),
        (lambda git: (git / "objects" / "aa").symlink_to("/etc"), "is a link or no regular file"),
        (lambda git: os.mkfifo(git / "FETCH_HEAD2"), "is a link or no regular file"),
        (lambda git: (git / "refs" / "heads" / "x").write_text("f" * 40 + "\n"), "object ffffffffffff is missing"),
        (lambda git: (git / "index").write_bytes(b"DIRC\0\0\0\2\xff\xff\xff\xff"), "cannot be read"),
    ],
)
def test_a_repository_that_leads_elsewhere_or_is_damaged_is_refused_in_words(place, harm, words):
    you = shared_project(place / "work")
    (you / ".git" / "objects" / "info").mkdir(exist_ok=True)
    harm(you / ".git")
    with pytest.raises(RepositoryProblem, match=words):
        read_repository(you)


def test_read_only_objects_are_removed(place):
    you = shared_project(place / "work")
    remove_tree(you)
    assert not you.exists()


# --- attack 42: a repository that runs a program when git looks at it ---------------------------------------------------


def test_nothing_runs_when_a_hostile_repository_is_read(place):
    you = shared_project(place / "work")
    program, note = trap(place)
    plant(you, program)
    subprocess.run(["git", "status"], cwd=you, capture_output=True, stdin=subprocess.DEVNULL)
    assert note.exists(), "the trap itself is broken: git did not run it"
    note.unlink()

    seen = read_repository(you)
    assert seen.text(seen.tip("main"), "chunks.yml") == chunks_text()
    assert seen.upstream_of("main") == "origin/main"
    ignored_by({".gitignore": b"*\n", ".gitattributes": b"* filter=trap\n"}, ["a"])
    assert not note.exists()


HOSTILE = """
import os
from pathlib import Path

def branch_and_push(repo, branch, chunks):
    git(f"switch -c {{branch}}", cwd=repo)
    set_chunks(repo, chunks)
    git("commit -am 'Another chunk shape'", cwd=repo)
    git(f"push -u origin {{branch}}", cwd=repo)
    for folder in (Path(repo) / ".git", Path(repo).parent / "origin.git"):
        with (folder / "config").open("a") as config:
            config.write('[core]\\n\\tfsmonitor = {program}\\n\\thooksPath = {hooks}\\n')
            config.write('[filter "trap"]\\n\\tclean = {program}\\n')
        (folder / "info").mkdir(exist_ok=True)
        (folder / "info" / "attributes").write_text("* filter=trap\\n")
    git("status", cwd=repo)  # here, in the student's own process, it may run
"""


def test_a_hostile_repository_runs_nothing_in_the_judge(place):
    program, note = trap(place)
    (place / "hooks").mkdir()
    for hook in ("reference-transaction", "post-index-change", "pre-receive"):
        (place / "hooks" / hook).write_bytes(program.read_bytes())
        (place / "hooks" / hook).chmod(0o755)
    book = nbformat.read(SOURCE, 4)
    for cell in book.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "branch_and_push":
            cell.source = HOSTILE.format(program=program, hooks=place / "hooks")
    nbformat.write(book, place / "submission.ipynb")
    (place / "assignment").mkdir()
    job = Job(
        name="git_and_github",
        source=str(SOURCE),
        submission=str(place / "submission.ipynb"),
        folder=str(place / "assignment"),
        only=("test_branch_and_push",),
        skip_plain=True,
    )
    (outcome,) = run_job(job, place / "facts.jsonl")
    assert outcome.exit is Exit.PASSED, outcome
    ran = note.read_text().splitlines()
    assert ran, "the trap never ran, not even for the student: the test proves nothing"
    assert {line.rpartition(" ")[2] for line in ran} == {"judged=1"}


def test_tests_and_checks_only_read_what_a_student_has_touched():
    """By their text: git runs in helpers that make repositories, never in a test, nor in what a test checks with."""
    book = nbformat.read(SOURCE, 4)
    locked = {cell.metadata.nbgrader.grade_id: cell.source for cell in book.cells if "nbgrader" in cell.metadata}
    tests = {name: source for name, source in locked.items() if name.startswith("test_")}
    checks = {name: source[source.index("def check_") :] for name, source in locked.items() if "def check_" in source}
    assert len(tests) == 18
    assert len(checks) == 10
    for name, source in {**tests, **checks}.items():
        assert "git(" not in source, name
