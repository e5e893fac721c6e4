# message: main in the shared repository has moved
def branch_and_push(repo, branch, chunks):
    set_chunks(repo, chunks)
    git("commit -am 'Another chunk shape'", cwd=repo)
    git("push", cwd=repo)
    git(f"branch {branch}", cwd=repo)
