def resolve_conflict(repo, branch, settled):
    git("pull --no-rebase origin main", cwd=repo, check=False)
    git("status --short", cwd=repo)
    with open(repo / "chunks.yml", "w", newline="\r\n") as file:  # as Windows writes it
        file.write(settled)
    git("add -u", cwd=repo)
    git("merge --continue", cwd=repo)
    git("push", cwd=repo)
