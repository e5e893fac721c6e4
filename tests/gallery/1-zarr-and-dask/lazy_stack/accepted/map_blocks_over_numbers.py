# One block per file: map_blocks looks up which file it is
def lazy_stack(paths):
    with tifffile.TiffFile(paths[0]) as tiff:
        shape, dtype = tiff.series[0].shape, tiff.series[0].dtype
    paths = sorted(paths, key=lambda path: int(re.findall(r"\d+", path.name)[0]))

    def read(block):
        return tifffile.imread(paths[int(block[0])])[np.newaxis]

    numbers = da.arange(len(paths), chunks=1)
    return numbers.map_blocks(read, dtype=dtype, new_axis=(1, 2, 3), chunks=((1,) * len(paths), *((n,) for n in shape)))
