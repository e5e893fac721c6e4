# Rounds after every axis
# message: rounded once
def downsample2(level_in, level_out):
    nz, ny, nx = level_out.shape
    cz, cy, cx = level_out.chunks
    for z in range(0, nz, cz):
        for y in range(0, ny, cy):
            for x in range(0, nx, cx):
                block = level_in[2 * z : 2 * (z + cz), 2 * y : 2 * (y + cy), 2 * x : 2 * (x + cx)]
                for axis in range(3):
                    n = block.shape[axis]
                    even = np.take(block, range(0, n, 2), axis=axis).astype(int)
                    odd = np.take(block, [min(i, n - 1) for i in range(1, n + 1, 2)], axis=axis)
                    block = np.rint((even + odd) / 2).astype(int)
                level_out[z : z + cz, y : y + cy, x : x + cx] = block
