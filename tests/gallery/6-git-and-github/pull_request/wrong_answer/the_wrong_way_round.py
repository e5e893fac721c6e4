# message: those of main are in it
def pull_request(repo, branch):
    commits = git(f"log --reverse --format=%s {branch}..origin/main", cwd=repo).splitlines()
    files = git(f"diff --name-only origin/main...{branch}", cwd=repo).splitlines()
    return {"commits": commits, "files": sorted(files)}
