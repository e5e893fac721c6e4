# Subtracts uint8 from uint8
# message: below zero a uint8 continues at 255
def subtract_background(video, window):
    def moving(block):
        return (block - running_median(block, window)).astype("int16")

    return video.map_overlap(moving, depth=(window // 2, 0, 0), boundary="none", dtype="int16")
