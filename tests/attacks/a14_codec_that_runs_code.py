"""A zarr folder whose codec unpickles."""

EXERCISE = "save"
EXPECT = "RTE"
CODE = """\
import json, pickle
def task(path):
    class Evil:
        def __reduce__(self):
            import os
            return (os.system, ("touch /tmp/autograde-attack-codec",))
    path.mkdir()
    meta = {"zarr_format": 2, "shape": [100], "chunks": [100], "dtype": "|O", "order": "C", "fill_value": None,
            "compressor": None, "filters": [{"id": "pickle", "protocol": 5}]}
    (path / ".zarray").write_text(json.dumps(meta))
    (path / "0").write_bytes(pickle.dumps(Evil()))
"""
