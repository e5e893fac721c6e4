def recover(repo, subject):
    found = git("fsck --no-reflogs --lost-found", cwd=repo)
    for line in found.splitlines():
        if line.startswith("dangling commit"):
            commit = line.split()[-1]
            if git(f"log -1 --format=%s {commit}", cwd=repo).strip() == subject:
                git(f"update-ref refs/heads/rescued {commit}", cwd=repo)
