# The filter by map_overlap, the median by map_blocks
def bandpass_and_reference(recording, fs, band):
    sos = signal.butter(3, band, "bandpass", fs=fs, output="sos")
    margin = int(np.ceil(6 * fs / band[0]))
    filtered = recording.map_overlap(
        lambda block: signal.sosfiltfilt(sos, block, axis=0).astype("float32"),
        depth={0: margin, 1: 0}, boundary="none", dtype="float32",
    )
    together = filtered.rechunk({1: -1})
    return together.map_blocks(lambda block: block - np.median(block, axis=1, keepdims=True), dtype="float32")
