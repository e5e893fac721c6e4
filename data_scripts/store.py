"""Where data sets live, and how one is made on demand, once, whole or not at all.

A data set is a folder ``<name>/`` with its payload (a folder of TIFF planes, a zarr array) and ``manifest.json``. It is
written aside as ``<name>.partial-<pid>`` and renamed when complete, so a folder under its own name is never half
written. The manifest says by what recipe it was made, and the size and sha256 of every file.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data_scripts.lock import try_lock, wait_for_lock
from data_scripts.settings import DEFAULT_HIDDEN_SEED, DEFAULT_SEED, data_home, format_bytes
from data_scripts.sink import FileFact, Sink, progress_bar

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
HIDDEN = "hidden"  # folder in `data_home()` for data with a seed drawn afresh: a sandbox covers it
FRESH_KEPT = 4  # folders with other than the two fixed seeds that are kept per data set
FRESH_SAFE_SECONDS = 3600.0  # such a folder used within this time is never removed: a grading run may be reading it


class DiskTooSmall(OSError):
    """The disk has less free space than the data set needs; nothing of it was left behind.

    `needed_bytes` is an upper bound, `free_bytes` what was free at `path`.
    """

    def __init__(self, *, needed_bytes: int, free_bytes: int, path: Path) -> None:
        super().__init__(
            errno.ENOSPC,
            f"this data set needs up to {format_bytes(needed_bytes)}, and {format_bytes(free_bytes)} are free at "
            f"{path}. Set the environment variable AUTOGRADE_DATA to a folder on a larger disk, choose a smaller"
            " size with --scale laptop or --scale tiny (in a notebook: AUTOGRADE_SCALE), or remove old data with --remove",
        )
        self.needed_bytes = needed_bytes
        self.free_bytes = free_bytes
        self.path = path

    def __str__(self) -> str:
        return str(self.strerror)  # without the [Errno 28] that OSError puts before it


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to make: everything that decides the bytes, and the function that writes them.

    `data_set` and `version` name the maker and its generator; `shape` and `dtype` the array; `payload` the file or
    folder below the data set's folder that callers want; `options` what else decides the bytes (JSON values only).
    `most_bytes` is an upper bound on the disk space, `about_seconds` an estimate; `steps` is how often `write`
    advances its sink in all. `write(path, sink)` writes the payload to `path` through `sink`. When it is `resumable`, what
    an interrupted run has written is kept, and `write` finds it there: it must leave no half-written file.
    """

    data_set: str
    version: int
    scale: str | None
    seed: int
    shape: tuple[int, ...]
    dtype: str
    payload: str
    most_bytes: int
    about_seconds: float
    steps: int
    write: Callable[[Path, Sink], None] = field(compare=False, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    resumable: bool = False

    @property
    def name(self) -> str:
        """The folder's name: every value that decides the bytes is in it.

        A seed that was drawn afresh is not: whoever knew it could make the data of the hidden tests.
        """
        size = self.scale or _times(self.shape)
        extra = "".join(f"-{key}{_times(value)}" for key, value in self.options.items())
        name = f"{self.data_set}-v{self.version}-{size}{extra}-seed{self.seed}"
        if not self.fresh:
            return name
        return f"{name.rpartition('-')[0]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"

    @property
    def fresh(self) -> bool:
        """Whether the seed is neither that of the notebooks nor that of hidden tests outside of grading."""
        return self.seed not in (DEFAULT_SEED, DEFAULT_HIDDEN_SEED)

    def facts(self) -> dict[str, Any]:
        """The part of the manifest that a stored data set must agree with, as JSON values."""
        return {
            "schema": SCHEMA_VERSION,
            "maker": self.data_set,
            "generator_version": self.version,
            "scale": self.scale,
            "seed": self.seed,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "payload": self.payload,
            "options": json.loads(json.dumps(dict(self.options))),
        }


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One data set found on disk. `size_bytes` is what its files hold; `used` the time of last use (Unix seconds)."""

    name: str
    path: Path
    maker: str
    seed: int
    size_bytes: int
    used: float


def make(recipe: Recipe, *, folder: Path | None = None, show_progress: bool | None = None) -> Path:
    """The payload of the data set, made now unless a complete one is there.

    In `data_home()`, under `recipe.name` (in its folder `hidden` for a fresh seed), or at `folder`. Where that cannot be
    written, as in the sandbox around submissions, among the temporary files. Complete means: the manifest agrees with the
    recipe, and every file has its size (for the hashes see `verify`). Several processes may ask at once: one makes it, the
    others wait. Messages go to stdout.

    Errors: `DiskTooSmall`; FileExistsError when `folder` holds something else.
    """
    target = folder.absolute() if folder is not None else _place(data_home(), recipe=recipe)
    _ASKED[target] = None
    if folder is not None:
        _refuse_foreign(target, recipe=recipe)
    return _found_or_made(recipe, target, tidy=folder is None, show_progress=show_progress)


def _found_or_made(recipe: Recipe, target: Path, *, tidy: bool = True, show_progress: bool | None = None) -> Path:
    if is_ready(target, recipe=recipe):
        _mark_used(target)
        return target / recipe.payload
    _check_disk(target, needed_bytes=recipe.most_bytes)
    target.parent.mkdir(parents=True, exist_ok=True)
    waiting = f"Another process is making {recipe.name}; waiting for it."
    with wait_for_lock(_lock_path(target), on_wait=lambda: say(waiting)):
        _clean_partials(target)
        if not is_ready(target, recipe=recipe):  # the process that we waited for may have made it
            _discard(target)  # damaged: never to be used, and it may free the space that is needed
            _check_disk(target, needed_bytes=recipe.most_bytes)
            _make_locked(recipe, target=target, show_progress=show_progress)
    if tidy:
        _tidy(target.parent, maker=recipe.data_set, keep=target)
    return target / recipe.payload


def keep(recipe: Recipe) -> Path | None:
    """The payload of a data set for the tests alone (no student code that is being judged is shown it), made as by `make`.

    None where it cannot be kept: nothing can be written in `data_home()`, as in the sandbox, or the disk is too small.
    """
    home = data_home()
    target = _place(home, recipe=recipe)
    if not target.is_relative_to(home):
        return None
    try:
        return _found_or_made(recipe, target)
    except DiskTooSmall:
        return None


def asked_for() -> tuple[Path, ...]:
    """The folders of all data sets that this process has asked for, but for those of `keep`."""
    return tuple(_ASKED)


_ASKED: dict[Path, None] = {}


def _place(home: Path, *, recipe: Recipe) -> Path:
    """Where a data set belongs: below `home`, or among the temporary files where nothing new can be written there."""
    target = home / HIDDEN / recipe.name if recipe.fresh else home / recipe.name
    nearest = next(parent for parent in target.parents if parent.is_dir())
    if target.exists() or os.access(nearest, os.W_OK):
        return target
    return Path(tempfile.gettempdir()) / "autograde-data" / recipe.name


def _make_locked(recipe: Recipe, *, target: Path, show_progress: bool | None) -> None:
    """Write the data set aside and rename it; on any exception, Ctrl-C included, nothing stays."""
    size = format_bytes(recipe.most_bytes)
    say(f"Making {recipe.name} ({_times(recipe.shape)}, up to {size}, about {_duration(recipe.about_seconds)}).")
    started = time.monotonic()
    partial = _unfinished(target) if recipe.resumable else target.with_name(f"{target.name}.partial-{os.getpid()}")
    try:
        partial.mkdir(exist_ok=recipe.resumable)
        with progress_bar(recipe.data_set, steps=recipe.steps, show=show_progress) as advance:
            sink = Sink(root=partial, advance=advance)
            recipe.write(partial / recipe.payload, sink)
        manifest = recipe.facts() | {
            "bytes": sum(fact.size_bytes for fact in sink.files.values()),
            "sha256": _total_sha256(sink.files),
            "files": {name: asdict(fact) for name, fact in sorted(sink.files.items())},
        }
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        partial.rename(target)
    except BaseException as error:
        if recipe.resumable and isinstance(error, KeyboardInterrupt):
            say("Interrupted. What was finished is kept; the same command goes on from there, --remove removes it.")
        else:
            shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # somebody else filled it meanwhile
            raise DiskTooSmall(
                needed_bytes=recipe.most_bytes, free_bytes=shutil.disk_usage(target.parent).free, path=target.parent
            ) from error
        raise
    say(f"Made {format_bytes(manifest['bytes'])} in {time.monotonic() - started:.1f} s: {target}")


def _unfinished(target: Path) -> Path:
    """Where a resumable data set is made, until it is complete."""
    return target.with_name(f"{target.name}.unfinished")


def is_ready(folder: Path, *, recipe: Recipe) -> bool:
    """Whether `folder` holds this data set, complete: the manifest agrees, every file is there with its size."""
    manifest = read_manifest(folder)
    if manifest is None or any(manifest.get(key) != value for key, value in recipe.facts().items()):
        return False
    return not any(size_differs for _name, size_differs in _compare_sizes(folder, manifest))


def verify(folder: Path) -> tuple[str, ...]:
    """The files below `folder` that are missing or differ from their sha256 in the manifest; empty when all is well.

    Reads every byte, a MiB at a time.
    Errors: FileNotFoundError when there is no readable manifest.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise FileNotFoundError(
            f"expected a data set with a {MANIFEST} at {folder}, found none: make it first, without --check"
        )
    files: Mapping[str, Mapping[str, Any]] = manifest["files"]
    return tuple(name for name, fact in files.items() if _sha256_of(folder / name) != fact["sha256"])


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the data set in `folder`; None when there is none that can be read."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(manifest, dict) and manifest.get("schema") == SCHEMA_VERSION
    return manifest if known and isinstance(manifest.get("files"), dict) else None


def list_data(home: Path | None = None) -> tuple[Stored, ...]:
    """The data sets in `home` (default `data_home()`), by name."""
    home = data_home() if home is None else home
    if not home.is_dir():
        return ()
    places = [place for place in (home, home / HIDDEN) if place.is_dir()]
    folders = sorted(folder for place in places for folder in place.iterdir())
    return tuple(stored for folder in folders if (stored := _stored(folder)) is not None)


def remove_data(folder: Path) -> int:
    """Remove the data set in `folder`, and what interrupted makers left beside it; returns the bytes freed.

    Waits while another process is making it. A folder that is not there is 0 bytes.
    Errors: FileExistsError when `folder` is not a data set.
    """
    folder = folder.absolute()
    if not folder.parent.is_dir():
        return 0
    with wait_for_lock(_lock_path(folder)):
        _clean_partials(folder)
        if _unfinished(folder).is_dir():
            shutil.rmtree(_unfinished(folder))
        if not folder.exists():
            return 0
        if not _is_ours(folder):
            raise FileExistsError(
                f"expected a data set with a {MANIFEST} at {folder}, found something else: "
                "remove it yourself if it is yours"
            )
        stored = _stored(folder)
        _discard(folder)
    return stored.size_bytes if stored is not None else 0


def _stored(folder: Path) -> Stored | None:
    unfinished = ".partial-" in folder.name or folder.name.endswith(".unfinished")
    manifest = None if unfinished else read_manifest(folder)
    if manifest is None:
        return None
    return Stored(
        name=folder.name,
        path=folder,
        maker=str(manifest["maker"]),
        seed=int(manifest["seed"]),
        size_bytes=int(manifest["bytes"]),
        used=(folder / MANIFEST).stat().st_mtime,
    )


def _tidy(home: Path, *, maker: str, keep: Path) -> None:
    """Bound what fresh seeds pile up, and clean what dead makers left, without waiting for anybody."""
    for partial in home.glob("*.partial-*"):
        owner = partial.with_name(partial.name.partition(".partial-")[0])
        with try_lock(_lock_path(owner)) as held:
            if held:
                shutil.rmtree(partial, ignore_errors=True)
    fixed = {DEFAULT_SEED, DEFAULT_HIDDEN_SEED}
    fresh = [stored for stored in list_data(home) if stored.maker == maker and stored.seed not in fixed]
    fresh.sort(key=lambda stored: stored.used, reverse=True)
    for stored in fresh[FRESH_KEPT:]:
        if stored.path == keep or time.time() - stored.used < FRESH_SAFE_SECONDS:
            continue
        with try_lock(_lock_path(stored.path)) as held:
            if held:
                _discard(stored.path)


def say(line: str) -> None:
    """One line to stdout, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _lock_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.lock")


def _clean_partials(target: Path) -> None:
    """Remove what dead makers of `target` left. The caller holds the lock, so no maker of it lives."""
    for partial in target.parent.glob(f"{target.name}.partial-*"):
        shutil.rmtree(partial, ignore_errors=True)


def _discard(target: Path) -> None:
    """Remove a data set: out of its name first, so that a half-removed one is never found."""
    if target.exists():
        shutil.rmtree(target.rename(target.with_name(f"{target.name}.partial-{os.getpid()}")))


def _is_ours(folder: Path) -> bool:
    """Whether we may remove `folder`: it has our manifest, or is empty."""
    return folder.is_dir() and (read_manifest(folder) is not None or not any(folder.iterdir()))


def _refuse_foreign(target: Path, *, recipe: Recipe) -> None:
    if not target.exists():
        return
    manifest = read_manifest(target)
    if _is_ours(target) and (manifest is None or recipe.facts().items() <= manifest.items()):
        return
    held = "another data set" if manifest is not None else "other files"
    raise FileExistsError(
        f"expected a new folder or {recipe.name} at {target}, found {held}: "
        "choose another --out, or remove it (--remove)"
    )


def _check_disk(target: Path, *, needed_bytes: int) -> None:
    folder = next(parent for parent in target.parents if parent.is_dir())
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise DiskTooSmall(needed_bytes=needed_bytes, free_bytes=free_bytes, path=target.parent)


def _compare_sizes(folder: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    for name, fact in manifest["files"].items():
        try:
            size_bytes = (folder / name).stat().st_size
        except OSError:
            yield name, True
        else:
            yield name, size_bytes != fact["size_bytes"]


def _mark_used(folder: Path) -> None:
    try:
        os.utime(folder / MANIFEST)
    except OSError:  # a read-only place, such as a shared data folder, is fine
        return


def _sha256_of(path: Path) -> str | None:
    """The sha256 (hex) of a file's content, None when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def _total_sha256(files: Mapping[str, FileFact]) -> str:
    """One sha256 (hex) over all files: over the lines "<sha256>  <name>", sorted by name, as sha256sum prints them."""
    total = hashlib.sha256()
    for name, fact in sorted(files.items()):
        total.update(f"{fact.sha256}  {name}\n".encode())
    return total.hexdigest()


def _times(value: Any) -> str:
    return "x".join(str(each) for each in value) if isinstance(value, tuple | list) else str(value)


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"
