# Everything in memory
def subtract_background(video, window):
    frames = video.compute()
    moved = frames.astype("int16") - running_median(frames, window)
    return da.from_array(moved, chunks=video.chunks)
