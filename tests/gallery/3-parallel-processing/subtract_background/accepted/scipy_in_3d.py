# median_filter with a size of (window, 1, 1), dask repeats the ends
def subtract_background(video, window):
    def moving(block):
        return block.astype("int16") - running_median(block, window)

    return video.map_overlap(moving, depth={0: window}, boundary="nearest", dtype="int16")
