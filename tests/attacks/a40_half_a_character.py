"""Halves of characters, escape sequences and markup in messages, names and cells."""

EXERCISE = "double"
EXPECT = "RTE"
ALONE = True
CODE = r"""
# half a character
def task(values):
    raise type("[/red]\udfff\x1b[2J", (ValueError,), {})("\ud800 \x1b]0;owned\x07 [/] [bold]x[/bold] \u202e =1+1")
"""


def damage(path):
    path.write_text(path.read_text().replace("half a character", "\\ud800"))


def mutate(book, folder):
    return damage
