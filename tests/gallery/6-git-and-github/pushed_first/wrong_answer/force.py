# message: the push was forced
def pushed_first(repo):
    git("push --force origin main", cwd=repo)
