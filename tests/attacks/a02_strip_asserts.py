"""An AST transformer takes the assertions out of every cell that follows."""

EXERCISE = "double"
EXPECT = "WA"
ALONE = True
NBGRADER = True
CODE = """\
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(Strip())
def task(values):
    return 3
"""
