# The median before the filter
# message: The two steps cannot be swapped
def bandpass_and_reference(recording, fs, band):
    sos = signal.butter(3, band, "bandpass", fs=fs, output="sos")

    def clean(block):
        block = block - np.median(block, axis=1, keepdims=True)
        return signal.sosfiltfilt(sos, block, axis=0).astype("float32")

    margin = int(np.ceil(6 * fs / band[0]))
    x = recording.rechunk({1: -1})
    return x.map_overlap(clean, depth=(margin, 0), boundary="none", dtype="float32")
