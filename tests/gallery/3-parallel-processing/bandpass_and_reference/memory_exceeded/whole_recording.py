# Everything in memory
def bandpass_and_reference(recording, fs, band):
    sos = signal.butter(3, band, "bandpass", fs=fs, output="sos")
    filtered = signal.sosfiltfilt(sos, recording.compute(), axis=0)
    filtered -= np.median(filtered, axis=1, keepdims=True)
    return da.from_array(filtered.astype("float32"), chunks=recording.chunks)
