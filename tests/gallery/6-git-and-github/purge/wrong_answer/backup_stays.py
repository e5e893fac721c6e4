# message: still leads to the old commits
def purge(repo, name):
    git(f"filter-branch --index-filter 'git rm --cached --quiet --ignore-unmatch {name}' main", cwd=repo)
