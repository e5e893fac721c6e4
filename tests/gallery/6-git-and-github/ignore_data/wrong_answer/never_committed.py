# message: There is no .gitignore in the last commit
def ignore_data(repo, mistake):
    (repo / ".gitignore").write_text("*.zarr/\n*.tif\n/data/\n")
    git(f"rm -r --cached {mistake}", cwd=repo)
    git("commit -m 'Take out the pilot data'", cwd=repo)
