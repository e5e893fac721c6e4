# rechunk to all of time, so that there are no seams
def subtract_background(video, window):
    whole = video.rechunk({0: -1})
    return whole.map_blocks(lambda block: block.astype("int16") - running_median(block, window), dtype="int16")
