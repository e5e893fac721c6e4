# Channels are cut, and each block takes its own median
# message: the median of its own channels
def bandpass_and_reference(recording, fs, band):
    sos = signal.butter(3, band, "bandpass", fs=fs, output="sos")

    def clean(block):
        filtered = signal.sosfiltfilt(sos, block, axis=0)
        return (filtered - np.median(filtered, axis=1, keepdims=True)).astype("float32")

    margin = int(np.ceil(6 * fs / band[0]))
    x = recording
    return x.map_overlap(clean, depth=(margin, 0), boundary="none", dtype="float32")
