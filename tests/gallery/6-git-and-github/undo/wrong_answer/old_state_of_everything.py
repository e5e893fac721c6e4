# message: was changed by a later commit
def undo(repo, commit):
    git(f"checkout {commit}~1 -- .", cwd=repo)
    git("commit -m 'Back to before'", cwd=repo)
    git("push", cwd=repo)
