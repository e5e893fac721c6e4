# message: It is set by -u
def branch_and_push(repo, branch, chunks):
    git(f"switch -c {branch}", cwd=repo)
    set_chunks(repo, chunks)
    git("add chunks.yml", cwd=repo)
    git("commit -m 'Another chunk shape'", cwd=repo)
    git(f"push origin {branch}", cwd=repo)
