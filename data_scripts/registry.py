"""The data sets that exist, by name; the module behind a name is imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import click


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """One data set: its name on the command line, its module, and a line that says what it is."""

    name: str
    module: str
    summary: str

    def fetch(self, *, scale: str | None = None, seed: int = 0) -> Path:
        """The ready data, made first where needed, in the maker's own first form (see its ``fetch``).

        Errors: ValueError for a scale that does not exist; `data_scripts.store.DiskTooSmall`.
        """
        return cast(Path, importlib.import_module(self.module).fetch(scale=scale, seed=seed))

    def command(self) -> click.Command:
        """The click command of this maker, the same one that ``python data_scripts/<name>.py`` runs."""
        return cast("click.Command", importlib.import_module(self.module).main)


DATA_SETS: Mapping[str, DataSet] = MappingProxyType(
    {
        each.name: each
        for each in (
            DataSet(
                name="whole_organ",
                module="data_scripts.whole_organ",
                summary="light-sheet stack of a cleared mouse brain: TIFF planes or zarr, uint16 (z, y, x)",
            ),
            DataSet(
                name="two_photon",
                module="data_scripts.two_photon",
                summary="two-photon calcium-imaging movie: zarr, uint16 (t, y, x), 30 Hz",
            ),
            DataSet(
                name="ephys",
                module="data_scripts.ephys",
                summary="extracellular recording: SpikeGLX-like .bin with .meta or zarr, int16 (sample, channel), 30 kHz",
            ),
            DataSet(
                name="behaviour",
                module="data_scripts.behaviour",
                summary="video of a mouse in an arena: eleven compressed clips or zarr, uint8 (t, y, x), 25 Hz",
            ),
            DataSet(
                name="labels",
                module="data_scripts.labels",
                summary="label volumes of a segmentation: zarr, dense uint32 or sparse uint16 (z, y, x)",
            ),
            DataSet(
                name="terabyte",
                module="data_scripts.terabyte",
                summary="17.7 hours of two-photon imaging, 1 TB in less than 1 GiB of disk (laptop: its first 2 GiB): zarr",
            ),
        )
    }
)
