# dask: one task decodes one clip, stored chunk by chunk; the task of the long clip holds all of it
def videos_to_zarr(paths, out):
    paths = sorted(paths, key=lambda path: int(path.stem.split("_")[1]))

    def decode(path):
        with av.open(str(path)) as container:
            return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])

    clips = []
    for path in paths:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            h, w, rate = stream.height, stream.width, float(stream.average_rate)
            n = sum(1 for _ in container.decode(video=0))
        clips.append(da.from_delayed(dask.delayed(decode)(path), (n, h, w), "uint8"))
    movie = da.concatenate(clips).rechunk((16, h, w))
    group = zarr.create_group(out, attributes={"frame_rate_hz": rate})
    frames = group.create_array(
        "frames", shape=movie.shape, chunks=(16, h, w), dtype="uint8", dimension_names=("t", "y", "x")
    )
    da.store(movie, frames)
    time = group.create_array("time", shape=movie.shape[:1], dtype="float64", dimension_names=("t",))
    time[:] = np.arange(len(movie)) / rate
    return group
