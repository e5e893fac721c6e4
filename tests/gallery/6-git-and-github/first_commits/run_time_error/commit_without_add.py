# message: by name first
def first_commits(repo):
    git("init", cwd=repo)
    git("commit -a -m 'Convert recordings to Zarr'", cwd=repo)
