# zstd with shuffle is said to be the best
# message: the other two kinds of shuffle
def choose_codec(sample):
    return {"cname": "zstd", "clevel": 5, "shuffle": "shuffle"}
