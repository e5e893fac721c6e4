# Goes from coarse to fine as long as it can pay
def overview(group, max_requests):
    levels = [group[d["path"]] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    chosen = levels[-1]
    for level in reversed(levels):
        _, rows, columns = level.cdata_shape
        if rows * columns > max_requests:
            break
        chosen = level
    return chosen[chosen.shape[0] // 2, :, :]
