# message: Nothing of yours is in the shared repository yet
def pushed_first(repo):
    git("fetch", cwd=repo)
    git("reset --hard origin/main", cwd=repo)
    git("push", cwd=repo)
