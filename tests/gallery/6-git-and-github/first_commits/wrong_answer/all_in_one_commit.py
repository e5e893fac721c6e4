# message: Expected two commits on main, got 1
def first_commits(repo):
    git("init", cwd=repo)
    git("add README.md convert.py chunks.yml", cwd=repo)
    git("commit -m 'Converter and chunks'", cwd=repo)
