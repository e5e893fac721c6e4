"""Makers of synthetic data sets: deterministic by seed, made on demand, written chunk by chunk.

Each maker is a module that also runs alone: ``python data_scripts/whole_organ.py --scale tiny``. In a notebook::

    from data_scripts import whole_organ

    folder = whole_organ.fetch_stack()  # a folder of TIFF planes, made the first time, found ready afterwards

Importing this package is light: zarr, tifffile, click and rich are imported when a maker needs them.
"""

from data_scripts.registry import DATA_SETS, DataSet
from data_scripts.settings import SCALES, current_scale, data_home, hidden_seed
from data_scripts.store import DiskTooSmall, Stored, list_data, remove_data

__all__ = [
    "DATA_SETS",
    "SCALES",
    "DataSet",
    "DiskTooSmall",
    "Stored",
    "current_scale",
    "data_home",
    "hidden_seed",
    "list_data",
    "remove_data",
]
