# message: take everything
def first_commits(repo):
    git("init", cwd=repo)
    git("add .", cwd=repo)
    git("commit -m 'Everything there is'", cwd=repo)
