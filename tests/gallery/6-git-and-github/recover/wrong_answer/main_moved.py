# message: main has moved
def recover(repo, subject):
    for line in git("reflog --format=%H:%s", cwd=repo).splitlines():
        commit, _, text = line.partition(":")
        if text == subject:
            git(f"reset --hard {commit}", cwd=repo)
            git("branch rescued", cwd=repo)
            return
