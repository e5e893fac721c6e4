# message: none is dropped or joined
def purge(repo, name):
    first = git("rev-list --max-parents=0 main", cwd=repo).strip()
    git(f"reset --soft {first}", cwd=repo)
    git(f"rm --cached --ignore-unmatch -f {name}", cwd=repo)
    git("commit -m 'All the rest'", cwd=repo)
