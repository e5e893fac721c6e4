import subprocess


def first_commits(repo):
    # with git in front, one file at a time, and a body in the message
    git("git init -b main", cwd=repo)
    for name in ("README.md", "convert.py"):
        git(f"git add {name}", cwd=repo)
    git('git commit -m "Add converter and README" -m "It reads chunks.yml."', cwd=repo)
    git("git add -f chunks.yml", cwd=repo)
    git('git commit -m "Add the chunks of Monday"', cwd=repo)
