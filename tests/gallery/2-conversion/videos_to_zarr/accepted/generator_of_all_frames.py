# One generator runs through all clips, islice takes 16 frames at a time
def videos_to_zarr(paths, out):
    from itertools import islice

    clips = {int(re.search(r"\d+", path.name)[0]): path for path in paths}
    seconds = []

    def every_frame():
        offset = 0.0
        for number in sorted(clips):
            with av.open(str(clips[number])) as container:
                rate = container.streams.video[0].average_rate
                for frame in container.decode(video=0):
                    seconds.append(offset + frame.time)
                    yield frame.to_ndarray(format="gray"), rate
                offset = seconds[-1] + float(1 / rate)

    stream = every_frame()
    group = zarr.create_group(out)
    frames = None
    while block := list(islice(stream, 16)):
        pictures = np.array([picture for picture, _ in block])
        if frames is None:
            group.attrs["frame_rate_hz"] = float(block[0][1])
            size = pictures.shape[1:]
            frames = group.create_array(
                "frames", shape=(0, *size), chunks=(16, *size), dtype="uint8", dimension_names=("t", "y", "x")
            )
        start = frames.shape[0]
        frames.resize((start + len(pictures), *size))
        frames[start:] = pictures
    time = group.create_array("time", shape=(len(seconds),), dtype="float64", dimension_names=("t",))
    time[:] = seconds
    return group
