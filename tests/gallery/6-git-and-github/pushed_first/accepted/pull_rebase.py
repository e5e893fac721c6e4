def pushed_first(repo):
    git("pull --rebase", cwd=repo)
    git("push", cwd=repo)
