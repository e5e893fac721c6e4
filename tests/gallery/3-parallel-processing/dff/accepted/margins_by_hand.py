# Each block reads its own margin, as a delayed task
def dff(movie, window):
    reach = 4 * BASELINE_SIGMA + window
    starts = np.concatenate([[0], np.cumsum(movie.chunks[0])])

    @dask.delayed
    def one(part, before, size):
        f = part.astype("float32")
        f0 = baseline(f, window)
        return ((f - f0) / f0)[before : before + size]

    rows = []
    for a, b in zip(starts[:-1], starts[1:]):
        low, high = max(int(a) - reach, 0), min(int(b) + reach, movie.shape[0])
        columns, y0 = [], 0
        for ny in movie.chunks[1]:
            line, x0 = [], 0
            for nx in movie.chunks[2]:
                part = movie[low:high, y0 : y0 + ny, x0 : x0 + nx]
                line.append(da.from_delayed(one(part, int(a) - low, int(b - a)), (int(b - a), ny, nx), "float32"))
                x0 += nx
            columns.append(line)
            y0 += ny
        rows.append(columns)
    return da.block(rows)
