# Sums in int64, divided with //
# message: one too low
def downsample2(level_in, level_out):
    nz, ny, nx = level_out.shape
    cz, cy, cx = level_out.chunks
    for z in range(0, nz, cz):
        for y in range(0, ny, cy):
            for x in range(0, nx, cx):
                block = level_in[2 * z : 2 * (z + cz), 2 * y : 2 * (y + cy), 2 * x : 2 * (x + cx)]
                block = np.pad(block, [(0, n % 2) for n in block.shape], mode="edge")
                a, b, c = (n // 2 for n in block.shape)
                mean = block.reshape(a, 2, b, 2, c, 2).sum(axis=(1, 3, 5), dtype=int) // 8
                level_out[z : z + cz, y : y + cy, x : x + cx] = mean
