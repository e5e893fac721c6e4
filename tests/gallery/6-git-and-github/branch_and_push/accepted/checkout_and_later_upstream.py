def branch_and_push(repo, branch, chunks):
    git(f"checkout -b {branch}", cwd=repo)
    text = (repo / "chunks.yml").read_text().splitlines()
    text[2] = "chunks: " + str(list(chunks))
    (repo / "chunks.yml").write_bytes("\r\n".join([*text, ""]).encode())  # as Windows writes it
    git("commit -am 'Another chunk shape'", cwd=repo)
    git(f"push origin {branch}", cwd=repo)
    git(f"branch --set-upstream-to origin/{branch}", cwd=repo)
