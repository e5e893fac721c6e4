def first_commits(repo):
    git("init", cwd=repo)
    git("add README.md convert.py", cwd=repo)
    git("commit -m 'Convert recordings to Zarr'", cwd=repo)
    git("add chunks.yml", cwd=repo)
    git("commit -m 'Chunks for looking at frames'", cwd=repo)
