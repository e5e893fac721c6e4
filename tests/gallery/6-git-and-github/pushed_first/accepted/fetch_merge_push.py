def pushed_first(repo):
    git("fetch origin", cwd=repo)
    git("merge -m 'Merge what Bo pushed' origin/main", cwd=repo)
    git("push origin main", cwd=repo)
