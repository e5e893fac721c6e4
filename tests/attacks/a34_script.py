"""Script in what is displayed and in messages, for the browser of whoever reads them."""

EXERCISE = "double"
EXPECT = "WA"
CODE = r"""
from IPython.display import HTML, Javascript, display
display(HTML("<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"))
display(Javascript("document.title = 'owned'"))
def task(values):
    print("<script>document.title = 'owned'</script>")
    return "<script>document.title = 'owned'</script>"
"""
