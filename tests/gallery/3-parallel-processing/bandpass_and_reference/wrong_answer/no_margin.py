# map_blocks
# message: There is a seam
def bandpass_and_reference(recording, fs, band):
    sos = signal.butter(3, band, "bandpass", fs=fs, output="sos")

    def clean(block):
        filtered = signal.sosfiltfilt(sos, block, axis=0)
        return (filtered - np.median(filtered, axis=1, keepdims=True)).astype("float32")

    return recording.rechunk({1: -1}).map_blocks(clean, dtype="float32")
