# [::2]
# message: every second voxel
def downsample2(level_in, level_out):
    nz, ny, nx = level_out.shape
    cz, cy, cx = level_out.chunks
    for z in range(0, nz, cz):
        for y in range(0, ny, cy):
            for x in range(0, nx, cx):
                block = level_in[2 * z : 2 * (z + cz), 2 * y : 2 * (y + cy), 2 * x : 2 * (x + cx)]
                level_out[z : z + cz, y : y + cy, x : x + cx] = block[::2, ::2, ::2]
