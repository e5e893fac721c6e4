# message: Merge without `-s ours`
def pushed_first(repo):
    git("fetch", cwd=repo)
    git("merge -s ours -m 'Merge' origin/main", cwd=repo)
    git("push", cwd=repo)
