def undo(repo, commit):
    git(f"revert --no-commit {commit}", cwd=repo)
    git("commit -m 'Back to the chunks of last week'", cwd=repo)
    git("push", cwd=repo)
