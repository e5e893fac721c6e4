# uint8 in, uint8 out
# message: Expected the dtype int16, got uint8
def subtract_background(video, window):
    def moving(block):
        return block - running_median(block, window)

    return video.map_overlap(moving, depth=(window // 2, 0, 0), boundary="none", dtype=video.dtype)
