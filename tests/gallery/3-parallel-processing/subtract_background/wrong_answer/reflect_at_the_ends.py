# boundary='reflect'
# message: wrong at the ends
def subtract_background(video, window):
    def moving(block):
        return block.astype("int16") - running_median(block, window)

    return video.map_overlap(moving, depth=(window // 2, 0, 0), boundary="reflect", dtype="int16")
