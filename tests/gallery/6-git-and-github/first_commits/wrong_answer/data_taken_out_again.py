# message: the history keeps it
def first_commits(repo):
    git("init", cwd=repo)
    git("add -A", cwd=repo)
    git("reset -q chunks.yml", cwd=repo)
    git("commit -m 'Convert recordings to Zarr'", cwd=repo)
    for path in repo.iterdir():
        if path.is_dir() and path.name != ".git":
            run_git(["rm", "-r", "-q", "--cached", path.name], cwd=repo)
    git("add chunks.yml", cwd=repo)
    git("commit -m 'Chunks, without the data'", cwd=repo)
