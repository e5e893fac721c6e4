# The last frames of each clip are appended on their own: chunks at the borders are written again
# message: across the borders of clips
def videos_to_zarr(paths, out):
    paths = sorted(paths, key=lambda path: int(path.stem.split("_")[1]))
    with av.open(str(paths[0])) as container:
        stream = container.streams.video[0]
        h, w, rate = stream.height, stream.width, float(stream.average_rate)
    group = zarr.create_group(out, attributes={"frame_rate_hz": rate})
    frames = group.create_array(
        "frames", shape=(0, h, w), chunks=(16, h, w), dtype="uint8", dimension_names=("t", "y", "x")
    )
    waiting = []
    for path in paths:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                waiting.append(frame.to_ndarray(format="gray"))
                if len(waiting) == 16:
                    frames.append(np.stack(waiting))
                    waiting = []
        if waiting:
            frames.append(np.stack(waiting))
            waiting = []
    n = frames.shape[0]
    time = group.create_array("time", shape=(n,), dtype="float64", dimension_names=("t",))
    time[:] = np.arange(n) / rate
    return group
