# No map_overlap: each block reads its own margins, as a delayed task
def smooth(movie, sigma):
    reach = [int(4 * s + 0.5) for s in sigma]
    starts = [np.concatenate([[0], np.cumsum(c)]) for c in movie.chunks]

    @dask.delayed
    def one(part, keep):
        return ndimage.gaussian_filter(part.astype("float32"), sigma, mode="nearest")[keep]

    def block(index):
        read, keep, shape = [], [], []
        for axis, i in enumerate(index):
            a, b = int(starts[axis][i]), int(starts[axis][i + 1])
            low, high = max(a - reach[axis], 0), min(b + reach[axis], movie.shape[axis])
            read.append(slice(low, high))
            keep.append(slice(a - low, b - low))
            shape.append(b - a)
        return da.from_delayed(one(movie[tuple(read)], tuple(keep)), tuple(shape), "float32")

    nt, ny, nx = movie.numblocks
    return da.block([[[block((t, y, x)) for x in range(nx)] for y in range(ny)] for t in range(nt)])
