# message: push after the last commit
def branch_and_push(repo, branch, chunks):
    git(f"switch -c {branch}", cwd=repo)
    git(f"push -u origin {branch}", cwd=repo)
    set_chunks(repo, chunks)
    git("commit -am 'Another chunk shape'", cwd=repo)
