def pull_request(repo, branch):
    commits = git(f"log --reverse --format=%s origin/main..{branch}", cwd=repo).splitlines()
    files = git(f"diff --name-only origin/main...{branch}", cwd=repo).splitlines()
    return {"commits": commits, "files": sorted(files)}
