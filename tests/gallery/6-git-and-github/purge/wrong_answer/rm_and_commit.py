# message: take it out of the newest state only
def purge(repo, name):
    git(f"rm --cached --ignore-unmatch {name}", cwd=repo)
    git("commit --allow-empty -m 'Remove the large file'", cwd=repo)
