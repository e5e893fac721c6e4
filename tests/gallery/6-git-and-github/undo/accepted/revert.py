def undo(repo, commit):
    git(f"revert --no-edit {commit}", cwd=repo)
    git("push origin main", cwd=repo)
