# The median of the frames before
# message: frames before only
def subtract_background(video, window):
    def moving(block):
        padded = np.concatenate([np.repeat(block[:1], window - 1, axis=0), block])
        still = running_median(padded, window)[window // 2 : window // 2 + len(block)]
        return block.astype("int16") - still

    return video.map_overlap(moving, depth=(window, 0, 0), boundary="none", dtype="int16")
