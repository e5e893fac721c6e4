def branch_and_push(repo, branch, chunks):
    git(f"switch -c {branch}", cwd=repo)
    set_chunks(repo, chunks)
    git("add chunks.yml", cwd=repo)
    git(f"commit -m 'Chunks of {chunks}'", cwd=repo)
    git(f"push -u origin {branch}", cwd=repo)
