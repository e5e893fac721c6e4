# message: Expected a branch `rescued`
def recover(repo, subject):
    for line in git("reflog --format=%H:%s", cwd=repo).splitlines():
        if line.endswith(subject):
            git(f"branch saved {line[:40]}", cwd=repo)
            return
