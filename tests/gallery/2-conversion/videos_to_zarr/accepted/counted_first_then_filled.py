# Decodes twice: once to count, once to fill an array of the right size
def number_of(path):
    return int(path.stem.split("_")[1])


def videos_to_zarr(paths, out):
    paths = sorted(paths, key=number_of)
    n = 0
    for path in paths:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            h, w, rate = stream.height, stream.width, float(stream.average_rate)
            for _ in container.decode(video=0):
                n += 1
    group = zarr.open_group(out, mode="w")
    group.attrs["frame_rate_hz"] = rate
    frames = group.create_array(
        "frames", shape=(n, h, w), chunks=(16, h, w), dtype="uint8", dimension_names=["t", "y", "x"]
    )
    time = group.create_array("time", shape=(n,), dtype="f8", dimension_names=["t"])
    time[:] = np.arange(n) / rate

    buffer = np.empty((16, h, w), dtype="uint8")
    k = 0
    for path in paths:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                buffer[k % 16] = frame.to_ndarray(format="gray")
                k += 1
                if k % 16 == 0:
                    frames[k - 16 : k] = buffer
    if k % 16:
        frames[k - k % 16 : k] = buffer[: k % 16]
    return group
