# message: is not in the history of
def resolve_conflict(repo, branch, settled):
    git("merge origin/main", cwd=repo, check=False)
    (repo / "chunks.yml").write_text(settled)
    git("add chunks.yml", cwd=repo)
    git("commit -m 'Merge main'", cwd=repo)
    git("push", cwd=repo)
