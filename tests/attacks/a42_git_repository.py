"""A git repository in which git would run a program as soon as somebody looks at it."""

EXERCISE = "save"
EXPECT = "WA or RTE"
CODE = """\
import subprocess
def task(path):
    trap = 'touch /tmp/autograde-attack-git; true'
    subprocess.run(["git", "init", "-q", str(path)], check=True)
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "filter.x.clean", "filter.x.smudge"):
        subprocess.run(["git", "-C", str(path), "config", name, trap], check=True)
    (path / ".gitattributes").write_text("* filter=x\\n")
    hook = path / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\\n" + trap)
    hook.chmod(0o755)
"""
