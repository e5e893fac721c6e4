# One background for each block
# message: the picture jumps from block to block
def subtract_background(video, window):
    return video.map_blocks(lambda block: (block - np.median(block, axis=0)).astype("int16"), dtype="int16")
