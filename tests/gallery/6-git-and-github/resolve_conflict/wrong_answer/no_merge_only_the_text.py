# message: the text is taken over, the history is not
def resolve_conflict(repo, branch, settled):
    (repo / "chunks.yml").write_text(settled)
    git("commit -am 'Chunks that we agreed on'", cwd=repo)
    git("push", cwd=repo)
