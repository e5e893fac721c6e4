# What opens here is portable
# message: zarr-python can open it, others cannot
def is_portable(path):
    try:
        zarr.open_array(path, mode="r")
    except Exception:
        return False
    return True
