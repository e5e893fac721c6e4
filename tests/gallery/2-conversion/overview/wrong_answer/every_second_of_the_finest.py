# Thins out the finest level
# message: costs as many requests as all of its plane
def overview(group, max_requests):
    levels = [group[d["path"]] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    level = levels[0]
    return level[level.shape[0] // 2][::2, ::2]
