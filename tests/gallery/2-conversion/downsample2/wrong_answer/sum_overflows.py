# Adds eight uint16 values as uint16
# message: Did a sum overflow
def downsample2(level_in, level_out):
    nz, ny, nx = level_out.shape
    cz, cy, cx = level_out.chunks
    for z in range(0, nz, cz):
        for y in range(0, ny, cy):
            for x in range(0, nx, cx):
                block = level_in[2 * z : 2 * (z + cz), 2 * y : 2 * (y + cy), 2 * x : 2 * (x + cx)]
                block = np.pad(block, [(0, n % 2) for n in block.shape], mode="edge")
                total = sum(block[i::2, j::2, k::2] for i in range(2) for j in range(2) for k in range(2))
                level_out[z : z + cz, y : y + cy, x : x + cx] = np.rint(total / 8).astype(level_out.dtype)
