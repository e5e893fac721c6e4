"""Looks a repository over, as a stranger with five minutes would: what should be in it, and what should not."""

from __future__ import annotations

from pathlib import Path

from data_scripts.data_card import card_problems
from data_scripts.git_reading import Repository, RepositoryProblem, ignored_by, read_repository

__all__ = ["look_over"]

_MAX_FILE_BYTES = 10**6
_DATA = (
    ".zarr",
    ".n5",
    ".tif",
    ".tiff",
    ".h5",
    ".hdf5",
    ".nwb",
    ".bin",
    ".dat",
    ".raw",
    ".npy",
    ".mp4",
    ".avi",
    ".mkv",
)
_SECRET = ("id_rsa", ".env", "credentials.json", ".pem", "token.txt")


def look_over(path: Path) -> list[tuple[bool, str]]:
    """Whether each of eight things is fine, in words; the repository is read, nothing in it is run or changed."""
    try:
        seen = read_repository(path)
    except RepositoryProblem as problem:
        return [(False, str(problem))]
    if seen.head_id is None:
        return [(False, "There is no commit yet.")]
    tip = seen.commits[seen.head_id]
    data = sorted({name for commit in seen.commits.values() for name in commit.files if _is_data(name)})
    large = [name for name in sorted(tip.files) if _bytes_of(seen, name) > _MAX_FILE_BYTES]
    secret = [name for name in sorted(tip.files) if name.rsplit("/", 1)[-1].endswith(_SECRET)]
    rules = {name: seen.content(tip, name) for name in tip.files if name.rsplit("/", 1)[-1] == ".gitignore"}
    ignored = ignored_by(rules, ["a.zarr/zarr.json", "deep/b.zarr/zarr.json"]) if rules else set()
    lower = {name.lower() for name in tip.files}
    short = [commit.subject for commit in seen.history(tip.id) if len(commit.subject) < 10]
    problems = card_problems(seen.text(tip, "data_card.yml")) if "data_card.yml" in tip.files else ["there is none"]
    return [
        (any(name.startswith("readme") for name in lower), "a README in the top folder"),
        (any(name.startswith(("licen", "copying")) for name in lower), "a licence: without one nobody may use it"),
        (not problems, "a data_card.yml that holds together" + _more(problems)),
        (len(ignored) == 2, "a .gitignore that keeps *.zarr out, in every folder"),
        (not data, "no data in any commit" + _more(data)),
        (not large, "no file above 1 MB" + _more(large)),
        (not secret, "no keys or passwords" + _more(secret)),
        (
            len(seen.commits) >= 3 and not short,
            "three commits or more, whose first lines say what was done" + _more(short),
        ),
    ]


def _is_data(name: str) -> bool:
    return any(part.lower().endswith(_DATA) for part in name.split("/"))


def _bytes_of(seen: Repository, name: str) -> int:
    try:
        return len(seen.content(seen.commits[seen.head_id or ""], name))
    except RepositoryProblem:  # too large to be read
        return _MAX_FILE_BYTES + 1


def _more(names: list[str]) -> str:
    return "" if not names else ": " + "; ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
