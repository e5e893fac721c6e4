# message: `revert` adds a commit that does the opposite
def undo(repo, commit):
    git(f"reset --hard {commit}~1", cwd=repo)
    git("push --force origin main", cwd=repo)
