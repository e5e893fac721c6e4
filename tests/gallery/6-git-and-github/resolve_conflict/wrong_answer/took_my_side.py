# message: Taking one whole side
def resolve_conflict(repo, branch, settled):
    git("fetch origin", cwd=repo)
    git("merge -X ours -m 'Merge main' origin/main", cwd=repo)
    git("push", cwd=repo)
