def resolve_conflict(repo, branch, settled):
    git("fetch origin", cwd=repo)
    git("merge origin/main", cwd=repo, check=False)
    (repo / "chunks.yml").write_text(settled)
    git("add chunks.yml", cwd=repo)
    git("commit -m 'Merge main: chunks that we agreed on'", cwd=repo)
    git(f"push origin {branch}", cwd=repo)
