# Counts all chunks of the level
# message: Count the chunks of one plane
def overview(group, max_requests):
    levels = [group[d["path"]] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    for level in levels:
        if level.nchunks <= max_requests:
            break
    return level[level.shape[0] // 2]
