# message: Here a merge is wanted
def resolve_conflict(repo, branch, settled):
    git("fetch origin", cwd=repo)
    git("rebase origin/main", cwd=repo, check=False)
    (repo / "chunks.yml").write_text(settled)
    git("add chunks.yml", cwd=repo)
    git("rebase --continue", cwd=repo)
    git(f"push --force origin {branch}", cwd=repo)
