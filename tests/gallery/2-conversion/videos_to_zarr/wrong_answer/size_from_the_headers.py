# The array is as long as the headers claim, and each clip gets as much room as its header says
# message: Headers lie
def videos_to_zarr(paths, out):
    paths = sorted(paths, key=lambda path: int(path.stem.split("_")[1]))
    counts = []
    for path in paths:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            counts.append(stream.frames)
            h, w, rate = stream.height, stream.width, float(stream.average_rate)
    n = sum(counts)
    group = zarr.create_group(out, attributes={"frame_rate_hz": rate})
    frames = group.create_array(
        "frames", shape=(n, h, w), chunks=(16, h, w), dtype="uint8", dimension_names=("t", "y", "x")
    )
    k = 0
    for path, count in zip(paths, counts):
        with av.open(str(path)) as container:
            for i, frame in enumerate(container.decode(video=0)):
                if i < count:
                    frames[k + i] = frame.to_ndarray(format="gray")
        k += count
    time = group.create_array("time", shape=(n,), dtype="float64", dimension_names=("t",))
    time[:] = np.arange(n) / rate
    return group
