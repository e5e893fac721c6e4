# Takes the coarsest, it fits best
# message: That is the coarsest that fits
def pick_level(group, max_pixels):
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    return datasets[-1]["path"]
