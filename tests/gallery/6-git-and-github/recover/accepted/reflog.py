def recover(repo, subject):
    for line in git("reflog --format=%H:%s", cwd=repo).splitlines():
        commit, _, text = line.partition(":")
        if text == subject:
            git(f"branch rescued {commit}", cwd=repo)
            return
