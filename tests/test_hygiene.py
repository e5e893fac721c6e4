"""A stranger's look at a repository finds what is missing, and what should not be there."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from data_scripts.data_card import EXAMPLE
from data_scripts.git_command import run_git
from data_scripts.git_story import put, shared_project
from data_scripts.hygiene import look_over

GOOD = {"LICENSE": "BSD\n", "data_card.yml": EXAMPLE, ".gitignore": "*.zarr/\n"}


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory(prefix="test-hygiene-") as folder:
        yield Path(folder).resolve()


def commit(repo, files, message="Licence, card and what to ignore"):
    put(repo, files)
    run_git("add --all --force", cwd=repo)
    run_git(["commit", "--quiet", "-m", message], cwd=repo)
    return repo


def test_a_good_repository_has_eight_ticks(place):
    looked = look_over(commit(shared_project(place / "a"), GOOD))
    assert len(looked) == 8
    assert all(fine for fine, _ in looked), looked


@pytest.mark.parametrize(
    ("files", "message", "words"),
    [
        ({"movie.zarr/zarr.json": "{}"}, "Add the movie by mistake", "no data in any commit: movie.zarr/zarr.json"),
        ({"big.csv": b"1" * 1_000_001}, "A table that is large", "no file above 1 MB: big.csv"),
        ({"deploy/id_rsa": "secret"}, "A key, by mistake", "no keys or passwords: deploy/id_rsa"),
        ({"data_card.yml": "title: x"}, "A card that is empty", "a data_card.yml that holds together: source: missing"),
        (
            {".gitignore": "/*.zarr\n"},
            "Rules for the top folder",
            "a .gitignore that keeps *.zarr out, in every folder",
        ),
        ({"a.py": "pass"}, "update", "whose first lines say what was done: update"),
    ],
)
def test_each_fault_is_found_and_no_other(place, files, message, words):
    repo = commit(shared_project(place / "a"), GOOD)
    faults = [told for fine, told in look_over(commit(repo, files, message)) if not fine]
    assert len(faults) == 1
    assert words in faults[0]


def test_data_that_was_removed_later_is_still_found(place):
    repo = commit(shared_project(place / "a"), {**GOOD, "plane.tif": "II*"})
    run_git("rm --quiet plane.tif", cwd=repo)
    run_git("commit --quiet -m 'Remove the plane again'", cwd=repo)
    assert (False, "no data in any commit: plane.tif") in look_over(repo)


def test_a_folder_without_a_repository_is_told(place):
    assert look_over(place) == [
        (False, f"There is no git repository in the folder {place.name}. `git init` makes one.")
    ]
