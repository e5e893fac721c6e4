# message: push -u origin NAME
def branch_and_push(repo, branch, chunks):
    git(f"switch -c {branch}", cwd=repo)
    set_chunks(repo, chunks)
    git("commit -am 'Another chunk shape'", cwd=repo)
    git("push", cwd=repo)
