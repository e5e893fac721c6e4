# Forgets the second step
# message: but not referenced
def bandpass_and_reference(recording, fs, band):
    sos = signal.butter(3, band, "bandpass", fs=fs, output="sos")

    def clean(block):
        return signal.sosfiltfilt(sos, block, axis=0).astype("float32")

    margin = int(np.ceil(6 * fs / band[0]))
    x = recording.rechunk({1: -1})
    return x.map_overlap(clean, depth=(margin, 0), boundary="none", dtype="float32")
