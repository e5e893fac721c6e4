# Each block reads its own margin, as a delayed task
def subtract_background(video, window):
    half = window // 2

    @dask.delayed
    def one(part, before, size):
        return (part.astype("int16") - running_median(part, window))[before : before + size]

    rows, a = [], 0
    for nt in video.chunks[0]:
        low, high = max(a - half, 0), min(a + nt + half, video.shape[0])
        columns, y = [], 0
        for ny in video.chunks[1]:
            line, x = [], 0
            for nx in video.chunks[2]:
                part = video[low:high, y : y + ny, x : x + nx]
                line.append(da.from_delayed(one(part, a - low, nt), (nt, ny, nx), "int16"))
                x += nx
            columns.append(line)
            y += ny
        rows.append(columns)
        a += nt
    return da.block(rows)
