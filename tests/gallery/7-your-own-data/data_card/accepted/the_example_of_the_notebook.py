n_bytes = 1
for n in example.shape:
    n_bytes *= n
data_card = "\n".join(
    [
        "title: The two-photon movie of the notebook",
        "source: made by data_scripts.two_photon",
        "licence: BSD-3-Clause",
        "question: Which neurons are active together within a second?",
        "path: example",
        "kind: zarr",
        "axes: [t, y, x]",
        f"shape: {list(example.shape)}",
        "dtype: uint16",
        f"bytes: {2 * n_bytes}",
        "spacing: [0.033, 1.2, 1.2]",
        "units: [second, micrometer, micrometer]",
        "access: frames",
        f"chunks: [{min(8, example.shape[0])}, {example.shape[1]}, {example.shape[2]}]",
    ]
)
