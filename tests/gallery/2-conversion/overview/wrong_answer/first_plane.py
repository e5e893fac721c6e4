# Plane 0
# message: that is another plane
def overview(group, max_requests):
    levels = [group[d["path"]] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    for level in levels:
        rows, columns = (-(-n // c) for n, c in zip(level.shape[1:], level.chunks[1:]))
        if rows * columns <= max_requests:
            break
    return level[0]
