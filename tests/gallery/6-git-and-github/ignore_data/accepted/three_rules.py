def ignore_data(repo, mistake):
    (repo / ".gitignore").write_text("*.zarr/\n*.tif\n/data/\n")
    git(f"rm -r --cached --quiet {mistake}", cwd=repo)
    git("add .gitignore", cwd=repo)
    git("commit -m 'Data stays out of the repository'", cwd=repo)
