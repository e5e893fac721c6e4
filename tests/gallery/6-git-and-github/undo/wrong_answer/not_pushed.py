# message: push after the last commit
def undo(repo, commit):
    git(f"revert --no-edit {commit}", cwd=repo)
