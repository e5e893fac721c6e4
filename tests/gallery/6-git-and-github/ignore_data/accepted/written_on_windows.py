def ignore_data(repo, mistake):
    # an editor on Windows: line ends \r\n; two commits, and rules that are written in another way
    rules = ["# data", "**/*.zarr/", "", "*.tif", "/data"]
    (repo / ".gitignore").write_bytes("\r\n".join(rules).encode() + b"\r\n")
    git("add .gitignore", cwd=repo)
    git("commit -m 'Ignore data'", cwd=repo)
    git(f"rm -r --cached -q {mistake}", cwd=repo)
    git("commit -m 'Stop watching the pilot data'", cwd=repo)
