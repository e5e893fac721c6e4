# The array is as long as the headers claim; there are more frames than that
# message: There are more frames than the headers claim
def videos_to_zarr(paths, out):
    paths = sorted(paths, key=lambda path: int(path.stem.split("_")[1]))
    n = 0
    for path in paths:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            n += stream.frames
            h, w, rate = stream.height, stream.width, float(stream.average_rate)
    group = zarr.create_group(out, attributes={"frame_rate_hz": rate})
    frames = group.create_array(
        "frames", shape=(n, h, w), chunks=(16, h, w), dtype="uint8", dimension_names=("t", "y", "x")
    )
    k = 0
    for path in paths:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                frames[k] = frame.to_ndarray(format="gray")
                k += 1
    time = group.create_array("time", shape=(n,), dtype="float64", dimension_names=("t",))
    time[:] = np.arange(n) / rate
    return group
