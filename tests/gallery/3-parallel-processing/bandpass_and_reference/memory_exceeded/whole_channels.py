# rechunk to whole channels, so that there are no seams
def bandpass_and_reference(recording, fs, band):
    sos = signal.butter(3, band, "bandpass", fs=fs, output="sos")
    x = recording.rechunk((-1, 8))
    filtered = x.map_blocks(lambda block: signal.sosfiltfilt(sos, block, axis=0), dtype="float64")
    filtered = filtered.rechunk((8192, -1))
    return filtered.map_blocks(lambda b: (b - np.median(b, axis=1, keepdims=True)).astype("float32"), dtype="float32")
