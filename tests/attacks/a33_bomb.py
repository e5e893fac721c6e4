"""A chunk that is 512 KiB on disk and 512 MiB when it is read."""

EXERCISE = "save"
EXPECT = "WA"
CODE = """\
import zlib
def task(path):
    array = zarr.create_array(path, shape=(100,), chunks=(100,), dtype="uint8", compressors=zarr.codecs.GzipCodec())
    array[:] = np.arange(100)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with open(path / "c" / "0", "wb") as file:
        for _ in range(512):
            file.write(packer.compress(bytes(MIB)))
        file.write(packer.flush())
"""
