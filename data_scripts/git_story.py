"""Practice repositories for the exercises on git: a small project, a shared repository, and a colleague who works on it.

Everything is the same for the same seed. git runs here before a student touches a repository, never afterwards:
`data_scripts.git_reading` reads what became of it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from data_scripts.git_command import remove_tree, run_git

__all__ = ["chunks_text", "colleague", "fresh_folder", "other_names", "put", "shared_project", "start_project"]

_README = """\
# Chunks for two-photon movies

`convert.py` turns a recording into Zarr; `chunks.yml` says in which chunks.
"""
_CONVERT = """\
\"\"\"Converts a recording to Zarr, in the chunks of chunks.yml.\"\"\"


def main():
    print("reading chunks.yml")
"""
_GROUP = '{"zarr_format": 3, "node_type": "group"}\n'
_WORDS = ("ca1", "cortex", "retina", "bulb", "day2", "night", "probe", "mouse7", "zebra", "pilot")


def chunks_text(chunks: tuple[int, ...] = (64, 128, 128), compressor: str = "lz4") -> str:
    """The text of a chunks.yml.

    >>> print(chunks_text((600, 31, 44), "zstd"))
    # how movie.zarr is stored: (t, y, x)
    shape: [40000, 248, 440]
    chunks: [600, 31, 44]
    compressor: zstd
    <BLANKLINE>
    """
    shape = [40_000, 248, 440]
    return f"# how movie.zarr is stored: (t, y, x)\nshape: {shape}\nchunks: {list(chunks)}\ncompressor: {compressor}\n"


def fresh_folder(path: Path) -> Path:
    """An empty folder at `path`; what an earlier run left there is removed."""
    remove_tree(path)
    path.mkdir(parents=True)
    return path


def put(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below `folder`, with the same line ends on every system."""
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())


def other_names(seed: int, count: int = 4) -> list[str]:
    """Names for data that nobody has seen before, such as "retina-0412"."""
    rng = random.Random(seed)
    return [f"{rng.choice(_WORDS)}-{rng.randrange(10_000):04d}" for _ in range(count)]


def start_project(folder: Path, data: Mapping[str, str | bytes] | None = None) -> Path:
    """A folder with the files of the project and some data, which is not a repository yet."""
    put(fresh_folder(folder), {"README.md": _README, "convert.py": _CONVERT, "chunks.yml": chunks_text()})
    if data is None:
        data = {
            "movie.zarr/zarr.json": _GROUP,
            "movie.zarr/c/0/0/0": bytes(range(256)),
            "raw/plane_0.tif": b"II*\0" * 64,
        }
    put(folder, data)
    return folder


def shared_project(folder: Path, files: Mapping[str, str | bytes] | None = None) -> Path:
    """A shared repository `origin.git`, and your clone of it, `you`, which is returned; both lie in `folder`.

    It has two commits on the branch main, and is set up so that text has the same line ends everywhere.
    """
    origin, you = fresh_folder(folder) / "origin.git", folder / "you"
    run_git(["init", "--quiet", "--bare", "--initial-branch=main", origin.name], cwd=folder)
    run_git(["clone", "--quiet", origin.name, you.name], cwd=folder)
    put(you, {".gitattributes": "* text=auto eol=lf\n*.bin binary\n", "README.md": _README, "convert.py": _CONVERT})
    _commit(you, "Convert recordings to Zarr", who="bo")
    put(you, {"chunks.yml": chunks_text(), **(files or {})})
    _commit(you, "Chunks: one small box for everything", who="bo")
    run_git("push --quiet --set-upstream origin main", cwd=you)
    return you


def colleague(folder: Path, files: Mapping[str, str | bytes], message: str) -> None:
    """Bo commits `files` on main in a clone of his own, and pushes. `folder` is that of `shared_project`."""
    bo = folder / "bo"
    if not bo.exists():
        run_git(["clone", "--quiet", "origin.git", "bo"], cwd=folder)
    put(bo, files)
    _commit(bo, message, who="bo")
    run_git("push --quiet origin main", cwd=bo)


def _commit(folder: Path, message: str, *, who: str = "you") -> None:
    run_git("add --all", cwd=folder)
    run_git(["commit", "--quiet", "-m", message], cwd=folder, who=who)
