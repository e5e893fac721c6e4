# message: The marks of the conflict were committed
def resolve_conflict(repo, branch, settled):
    git("fetch origin", cwd=repo)
    git("merge origin/main", cwd=repo, check=False)
    git("commit -am 'Merge main'", cwd=repo)
    git("push", cwd=repo)
