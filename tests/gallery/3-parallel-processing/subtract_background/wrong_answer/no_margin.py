# map_blocks
# message: There is a seam
def subtract_background(video, window):
    return video.map_blocks(lambda block: block.astype("int16") - running_median(block, window), dtype="int16")
