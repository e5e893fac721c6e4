def pull_request(repo, branch):
    left = git(f"merge-base origin/main {branch}", cwd=repo).strip()
    subjects = git(f"log --pretty=format:%s {branch} ^origin/main", cwd=repo).split("\n")
    names = git(f"diff --name-only {left} {branch}", cwd=repo).split("\n")
    return {"commits": subjects[::-1], "files": sorted(name for name in names if name)}
