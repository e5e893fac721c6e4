def purge(repo, name):
    commits = git("rev-list --reverse main", cwd=repo).split()
    git("checkout -q --orphan anew", cwd=repo)
    for commit in commits:
        git("rm -r -q --cached --ignore-unmatch .", cwd=repo)
        git(f"read-tree {commit}", cwd=repo)
        git(f"rm --cached -q --ignore-unmatch {name}", cwd=repo)
        git(f"commit -q --allow-empty -C {commit}", cwd=repo)
    git("branch -M anew main", cwd=repo)
