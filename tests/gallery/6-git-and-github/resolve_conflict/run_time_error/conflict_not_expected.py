# message: pass check=False
def resolve_conflict(repo, branch, settled):
    git("fetch origin", cwd=repo)
    git("merge origin/main", cwd=repo)
