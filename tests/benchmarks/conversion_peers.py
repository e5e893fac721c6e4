"""How each tool turns one stack of TIFF planes into an OME-Zarr image, as its own documentation shows.

Run by conversion.py in the environment of each tool, so nothing but the standard library is imported above:

    python conversion_peers.py TOOL PLANES OUT --levels 4    # prints the seconds, and the processor seconds of all

A function imports what its tool needs and returns the conversion; only that is timed. All get the same chunks of
16 x 128 x 128 (z, y, x), four levels and Zstd at level 0 (zarr's default), and where a block mean is to be had, they are
asked for it. The four peers read the planes through the same dask array, one plane a chunk.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

LEVELS = 4
CHUNKS = (16, 128, 128)
VOXEL = {"z": 5.0, "y": 2.0, "x": 2.0}  # micrometer; data_scripts.anatomy.VOXEL_SIZE_UM


def lazy_planes(planes):
    """The stack as a dask array (z, y, x), by `dask.array.image.imread`: docs.dask.org, Array API, Image Support."""
    import tifffile
    from dask.array.image import imread

    return imread(str(planes / "*.tif"), imread=tifffile.imread)


def reference(planes, out, levels):
    """Ours: the text of the reference solution, which conversion.py has put beside the planes."""
    sys.path.insert(0, str(planes.parent))
    from reference import convert_volume

    return lambda: convert_volume(planes, out, tuple(VOXEL.values()), levels)


def ome_zarr(planes, out, levels):
    """github.com/ome/ome-zarr-py, docs/source/python.rst, "Writing OME-NGFF images", and the docstring of `write_image`:
    z is halved only when scale_factors are dicts; each storage chunk is a dask chunk."""
    from ome_zarr.writer import write_image

    # in whole chunks: local_mean pads a block of one plane with zeros, and level 1 came out half as bright (0.18.0)
    image = lazy_planes(planes).rechunk(CHUNKS)
    factors = [dict.fromkeys("zyx", 2**level) for level in range(1, levels)]
    return lambda: write_image(
        image,
        str(out),
        axes="zyx",
        scale=VOXEL,
        axes_units=dict.fromkeys("zyx", "micrometer"),
        scale_factors=factors,
        method="local_mean",
        storage_options={"chunks": CHUNKS},
    )


def bioio_ome_zarr(planes, out, levels):
    """github.com/bioio-devs/bioio-ome-zarr, README.md, "Writing a full volume (NumPy or Dask)"; shapes of levels, chunks and
    codec by the docstring of `OMEZarrWriter`. The writer offers no choice of how to downsample."""
    from bioio_ome_zarr.writers import OMEZarrWriter
    from zarr.codecs import ZstdCodec

    image = lazy_planes(planes)
    writer = OMEZarrWriter(
        str(out),
        level_shapes=[tuple(-(-n // 2**level) for n in image.shape) for level in range(levels)],
        dtype=image.dtype,
        chunk_shape=CHUNKS,
        compressor=ZstdCodec(level=0),
        axes_names=["z", "y", "x"],
        axes_types=["space"] * 3,
        axes_units=["micrometer"] * 3,
        physical_pixel_size=list(VOXEL.values()),
    )
    return lambda: writer.write_full_volume(image)


def ngff_zarr(planes, out, levels, memory_target=None):
    """github.com/fideus-labs/ngff-zarr, docs/python.md: "Array to NGFF Image", "Generate Multiscales", "Write an OME-Zarr";
    the method from docs/methods.md: ITKWASM_BIN_SHRINK, the local mean (the default smooths with a Gaussian)."""
    import ngff_zarr as nz

    if memory_target is not None:
        nz.config.memory_target = memory_target
    image = nz.to_ngff_image(
        lazy_planes(planes), dims=list("zyx"), scale=VOXEL, axes_units=dict.fromkeys("zyx", "micrometer")
    )

    def convert():
        multiscales = nz.to_multiscales(
            image,
            scale_factors=[2**level for level in range(1, levels)],
            chunks=dict(zip("zyx", CHUNKS, strict=True)),
            method=nz.Methods.ITKWASM_BIN_SHRINK,
        )
        nz.to_ngff_zarr(str(out), multiscales, version="0.5")

    return convert


def ngff_zarr_64m(planes, out, levels):
    """The same with docs/cli.md, "Limit memory consumption": a rough target, 64 MiB (by default half of what is free)."""
    return ngff_zarr(planes, out, levels, memory_target=64 * 2**20)


def stack_to_chunk(planes, out, levels, processes=1):
    """stack-to-chunk.readthedocs.io, Tutorial: planes transposed to (x, y, z), an ArraySpec, level by level, one process. It
    always puts chunks into shards, one for each slab, and orders the axes x, y, z."""
    import zarr
    from pydantic_zarr.v3 import ArraySpec
    from stack_to_chunk import MultiScaleGroup

    image = lazy_planes(planes).T

    def convert():
        like = zarr.empty(image.shape, chunks=CHUNKS[::-1], dtype=image.dtype, dimension_names=("x", "y", "z"))
        group = MultiScaleGroup(
            out,
            name="volume",
            spatial_unit="micrometer",
            voxel_size=tuple(VOXEL.values())[::-1],
            array_spec=ArraySpec.from_zarr(like),
        )
        group.add_full_res_data(image, n_processes=processes)
        for level in range(1, levels):
            group.add_downsample_level(level, n_processes=processes)
        if processes > 1:  # its workers outlive the call: they have to end for their seconds to be counted
            from joblib.externals.loky import get_reusable_executor

            get_reusable_executor().shutdown(wait=True)

    return convert


def stack_to_chunk_all(planes, out, levels):
    """The same on all cores: `n_processes`, Guide, "Parallelisation strategy"."""
    return stack_to_chunk(planes, out, levels, processes=os.cpu_count() or 1)


TOOLS = {
    "reference": reference,
    "ome-zarr": ome_zarr,
    "bioio-ome-zarr": bioio_ome_zarr,
    "ngff-zarr": ngff_zarr,
    "ngff-zarr, 64 MiB target": ngff_zarr_64m,
    "stack-to-chunk": stack_to_chunk,
    "stack-to-chunk, all cores": stack_to_chunk_all,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("planes", type=Path, help="folder of planes, named so that text sorts as numbers")
    parser.add_argument("out", type=Path)
    parser.add_argument("--levels", type=int, default=LEVELS)
    options = parser.parse_args()
    convert = TOOLS[options.tool](options.planes, options.out, options.levels)
    began, worked = time.perf_counter(), sum(os.times()[:4])
    convert()
    figures = {"wall_seconds": time.perf_counter() - began, "cpu_seconds": sum(os.times()[:4]) - worked}
    sys.stdout.write("\n" + json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
