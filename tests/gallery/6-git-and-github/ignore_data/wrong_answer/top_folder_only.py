# message: to be ignored, and it is not
def ignore_data(repo, mistake):
    (repo / ".gitignore").write_text("/*.zarr/\n/*.tif\n/data/\n")
    git(f"rm -r --cached {mistake}", cwd=repo)
    git("add .gitignore", cwd=repo)
    git("commit -m 'Ignore data'", cwd=repo)
