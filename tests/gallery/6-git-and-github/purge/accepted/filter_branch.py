def purge(repo, name):
    git(f"filter-branch --index-filter 'git rm --cached --quiet --ignore-unmatch {name}' main", cwd=repo)
    git("update-ref -d refs/original/refs/heads/main", cwd=repo)
