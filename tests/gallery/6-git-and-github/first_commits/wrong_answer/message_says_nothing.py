# message: in 10 to 72 characters; got 'update'
def first_commits(repo):
    git("init", cwd=repo)
    git("add README.md convert.py", cwd=repo)
    git("commit -m 'update'", cwd=repo)
    git("add chunks.yml", cwd=repo)
    git("commit -m 'update 2'", cwd=repo)
