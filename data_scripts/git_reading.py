"""Reads a git repository without running anything: for tests of repositories that somebody else has made.

git itself runs programs that a repository names in its configuration (core.fsmonitor, hooks, filters, an editor), and a
repository is data of a stranger. dulwich reads objects, references and the index as bytes. Its object store, references
and index are used one by one: none of them looks at the configuration. `upstream_of` reads that file as text.
"""

from __future__ import annotations

import functools
import io
import stat
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from data_scripts.git_command import remove_tree, run_git

__all__ = ["Commit", "Repository", "RepositoryProblem", "ignored_by", "read_repository"]

_MAX_GIT_BYTES = 64 * 2**20
_MAX_FILES = 20_000
_MAX_COMMITS = 2_000
_MAX_BLOB_BYTES = 8 * 2**20


class RepositoryProblem(AssertionError):
    """A repository that cannot be read; an AssertionError, so that a test shows its words to the student."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit: ids as 40 hex digits, and its files as path -> id of their content."""

    id: str
    parents: tuple[str, ...]
    message: str
    author: str
    files: Mapping[str, str]

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.splitlines()[0].strip() if self.message.strip() else ""


@dataclass(frozen=True)
class Repository:
    """What is in a repository: references, all commits that they reach, the index, and an open merge."""

    path: Path
    head: str | None  # the branch that is checked out; None: no branch
    head_id: str | None  # the commit that is checked out
    references: Mapping[str, str]  # full name, such as refs/heads/main -> id
    commits: Mapping[str, Commit]
    staged: Mapping[str, str]  # the index: path -> id of the content
    merging: bool  # a merge was begun and not finished

    @property
    def branches(self) -> dict[str, str]:
        """Its own branches: name -> id."""
        start = "refs/heads/"
        return {name[len(start) :]: to for name, to in self.references.items() if name.startswith(start)}

    def history(self, start: str) -> tuple[Commit, ...]:
        """All commits that `start` (a branch or an id) reaches, itself first, parents after their children."""
        first = self.branches.get(start, start)
        found: dict[str, Commit] = {}
        todo = [first]
        while todo:
            commit = self.commits.get(todo.pop(0))
            if commit is not None and commit.id not in found:
                found[commit.id] = commit
                todo.extend(commit.parents)
        return tuple(found.values())

    def contains(self, start: str, ancestor: str) -> bool:
        """Whether the commit `ancestor` is in the history of `start`."""
        return any(commit.id == ancestor for commit in self.history(start))

    def tip(self, branch: str) -> Commit:
        """The last commit of a branch. Errors: `RepositoryProblem` when there is no such branch."""
        if branch not in self.branches:
            there = ", ".join(sorted(self.branches)) or "none"
            raise RepositoryProblem(
                f"Expected a branch `{branch}` in {self.path.name}; there is: {there}. Was it made, and pushed?"
            )
        return self.commits[self.branches[branch]]

    def content(self, commit: Commit, name: str) -> bytes:
        """The bytes of a file in a commit. Errors: `RepositoryProblem` when the commit does not have it, or it is large."""
        if name not in commit.files:
            raise RepositoryProblem(f"Expected {name} in the commit {commit.subject!r}; it has {sorted(commit.files)}.")
        with closing(_store(self.path)) as store:
            data = _object(store, commit.files[name]).data
        if len(data) > _MAX_BLOB_BYTES:
            raise RepositoryProblem(f"{name} in the commit {commit.subject!r} has {len(data)} bytes; that is no text.")
        return bytes(data)

    def text(self, commit: Commit, name: str) -> str:
        """A text file in a commit, with line ends of any system as one kind."""
        return self.content(commit, name).decode("utf-8", "replace").replace("\r\n", "\n")

    def upstream_of(self, branch: str) -> str | None:
        """Where a branch is pushed to without further words, such as "origin/main"; None where nothing is set."""
        from dulwich.config import ConfigFile

        place = _git_folder(self.path) / "config"
        try:
            section: Any = (b"branch", branch.encode())
            config = ConfigFile.from_file(io.BytesIO(place.read_bytes()[: 2**16]))
            remote, merge = config.get(section, b"remote"), config.get(section, b"merge")
        except (KeyError, ValueError, OSError):
            return None
        return f"{remote.decode('utf-8', 'replace')}/{merge.decode('utf-8', 'replace').removeprefix('refs/heads/')}"


def read_repository(path: Path) -> Repository:
    """Everything about the repository in the folder `path`, with or without a working tree. Nothing is run.

    Errors: `RepositoryProblem` in words for a student.
    """
    from dulwich.index import Index
    from dulwich.refs import DiskRefsContainer

    path = Path(path)
    folder = _git_folder(path)
    _check_is_plain(folder)
    try:
        refs = DiskRefsContainer(str(folder))
        references = {name.decode("utf-8", "replace"): to.decode() for name, to in refs.as_dict().items() if to}
        chain, head_id = refs.follow(b"HEAD")  # type: ignore[arg-type]
        head = chain[-1].decode("utf-8", "replace").removeprefix("refs/heads/") if len(chain) > 1 else None
        staged = {}
        if (folder / "index").is_file():
            for name, entry in Index(str(folder / "index")).iteritems():
                staged[name.decode("utf-8", "replace")] = str(getattr(entry, "sha", b""), "ascii")
        wanted = [to for name, to in references.items() if name != "HEAD"]
        if head_id is not None:
            wanted.append(head_id.decode())
        with closing(_store(path)) as store:  # Windows does not remove what is open
            commits = _commits(store, wanted)
    except RepositoryProblem:
        raise
    except Exception as error:
        raise RepositoryProblem(
            f"The repository in {path.name} cannot be read ({type(error).__name__}: {str(error)[:200]}). "
            "Its folder .git is git's own: change it by git commands only."
        ) from error
    return Repository(
        path=path,
        head=head,
        head_id=None if head_id is None else head_id.decode(),
        references={name: to for name, to in references.items() if name != "HEAD"},
        commits=commits,
        staged=staged,
        merging=(folder / "MERGE_HEAD").exists(),
    )


def _git_folder(path: Path) -> Path:
    for folder in (path / ".git", path):
        if (folder / "objects").is_dir() and (folder / "HEAD").is_file():
            return folder
    raise RepositoryProblem(f"There is no git repository in the folder {path.name}. `git init` makes one.")


def _check_is_plain(folder: Path) -> None:
    """Refuse what would lead out of the folder, or be too large to read."""
    size_bytes = 0
    for count, part in enumerate(folder.rglob("*"), start=1):
        mode = part.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise RepositoryProblem(f"{part.name} in the repository is a link or no regular file; it is not read.")
        size_bytes += part.lstat().st_size
        if size_bytes > _MAX_GIT_BYTES or count > _MAX_FILES:
            raise RepositoryProblem(
                f"The repository has more than {_MAX_GIT_BYTES >> 20} MiB or {_MAX_FILES} files: was data committed?"
            )
    for name in ("objects/info/alternates", "commondir"):
        if (folder / name).exists():
            raise RepositoryProblem(f"The repository borrows objects from another one ({name}); it has to stand alone.")


def _store(path: Path) -> Any:
    from dulwich.object_store import DiskObjectStore

    return DiskObjectStore(str(_git_folder(path) / "objects"), loose_object_size_limit=_MAX_GIT_BYTES)


def _object(store: Any, object_id: str) -> Any:
    try:
        return store[object_id.encode()]
    except KeyError:
        raise RepositoryProblem(f"The repository is damaged: object {object_id[:12]} is missing.") from None


def _commits(store: Any, wanted: Iterable[str]) -> dict[str, Commit]:
    """All commits that can be reached from `wanted`."""
    from dulwich.objects import Commit as Stored
    from dulwich.objects import Tag

    @functools.cache
    def listing(tree_id: str) -> tuple[tuple[str, str, bool], ...]:
        return tuple(
            (entry.path.decode("utf-8", "replace"), entry.sha.decode(), stat.S_ISDIR(entry.mode))
            for entry in _object(store, tree_id).iteritems()
        )

    def files_of(tree_id: str, above: str = "", depth: int = 0) -> dict[str, str]:
        found: dict[str, str] = {}
        if depth > 30:
            raise RepositoryProblem("Folders in the repository are nested more than 30 deep.")
        for name, content_id, is_folder in listing(tree_id):
            if is_folder:
                found |= files_of(content_id, f"{above}{name}/", depth + 1)
            else:
                found[above + name] = content_id
            if len(found) > _MAX_FILES:
                raise RepositoryProblem(f"A commit has more than {_MAX_FILES} files: was data committed?")
        return found

    found: dict[str, Commit] = {}
    todo = list(wanted)
    while todo:
        object_id = todo.pop()
        if object_id in found:
            continue
        stored = _object(store, object_id)
        if isinstance(stored, Tag):
            todo.append(stored.object[1].decode())
            continue
        if not isinstance(stored, Stored):
            continue
        parents = tuple(parent.decode() for parent in stored.parents)
        found[object_id] = Commit(
            id=object_id,
            parents=parents,
            message=stored.message.decode("utf-8", "replace").replace("\r\n", "\n"),
            author=stored.author.decode("utf-8", "replace"),
            files=files_of(stored.tree.decode()),
        )
        if len(found) > _MAX_COMMITS:
            raise RepositoryProblem(f"The repository has more than {_MAX_COMMITS} commits.")
        todo.extend(parents)
    return found


def ignored_by(rules: Mapping[str, bytes], names: Iterable[str]) -> set[str]:
    """Which of the paths `names` git ignores where the files `rules` (path of a .gitignore -> its bytes) are all there is.

    git itself says so, in a new repository of ours: only the text of the rules is the student's.
    """
    names = list(names)
    folder = Path(tempfile.mkdtemp(prefix="ignore-"))
    try:
        run_git("init --quiet", cwd=folder)
        for name, text in rules.items():
            parts = PurePosixPath(name).parts
            if any(part in ("..", "/") or part.lower().startswith(".git") for part in parts[:-1]) or len(text) > 2**16:
                continue
            place = folder.joinpath(*parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text)
        said = run_git(["check-ignore", "--no-index", *names], cwd=folder, check=False)
    finally:
        remove_tree(folder)
    return set(said.splitlines()) & set(names)
