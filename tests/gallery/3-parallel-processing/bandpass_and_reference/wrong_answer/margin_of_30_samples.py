# A millisecond should do
# message: six periods
def bandpass_and_reference(recording, fs, band):
    sos = signal.butter(3, band, "bandpass", fs=fs, output="sos")

    def clean(block):
        filtered = signal.sosfiltfilt(sos, block, axis=0)
        return (filtered - np.median(filtered, axis=1, keepdims=True)).astype("float32")

    margin = 30
    x = recording.rechunk({1: -1})
    return x.map_overlap(clean, depth=(margin, 0), boundary="none", dtype="float32")
