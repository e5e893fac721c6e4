# message: Look for the message in the reflog
def recover(repo, subject):
    git("branch rescued HEAD@{1}", cwd=repo)
