# message: rules do nothing about what git watches already
def ignore_data(repo, mistake):
    (repo / ".gitignore").write_text("*.zarr/\n*.tif\n/data/\n")
    git("add .gitignore", cwd=repo)
    git("commit -m 'Ignore data'", cwd=repo)
