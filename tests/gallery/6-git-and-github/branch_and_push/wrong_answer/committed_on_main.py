# message: is on main. Go to the new branch before you commit
def branch_and_push(repo, branch, chunks):
    set_chunks(repo, chunks)
    git("add chunks.yml", cwd=repo)
    git("commit -m 'Another chunk shape'", cwd=repo)
    git(f"switch -c {branch}", cwd=repo)
    git(f"push -u origin {branch}", cwd=repo)
