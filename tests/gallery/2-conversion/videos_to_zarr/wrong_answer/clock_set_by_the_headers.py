# Each clip begins where the headers say that the ones before end
# message: Was the end of the clip before taken from its header
def videos_to_zarr(paths, out):
    paths = sorted(paths, key=lambda path: int(path.stem.split("_")[1]))
    with av.open(str(paths[0])) as container:
        stream = container.streams.video[0]
        h, w, rate = stream.height, stream.width, float(stream.average_rate)
    group = zarr.create_group(out, attributes={"frame_rate_hz": rate})
    frames = group.create_array(
        "frames", shape=(0, h, w), chunks=(16, h, w), dtype="uint8", dimension_names=("t", "y", "x")
    )
    seconds, begin = [], 0.0
    waiting = []
    for path in paths:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                seconds.append(begin + frame.time)
                waiting.append(frame.to_ndarray(format="gray"))
                if len(waiting) == 16:
                    frames.append(np.stack(waiting))
                    waiting = []
            begin += container.streams.video[0].frames / rate
    if waiting:
        frames.append(np.stack(waiting))
    n = frames.shape[0]
    time = group.create_array("time", shape=(n,), dtype="float64", dimension_names=("t",))
    time[:] = seconds
    return group
