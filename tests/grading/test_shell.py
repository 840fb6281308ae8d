"""The shell reads IPython's own syntax as IPython does, also where it looks at no token."""

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from grading.shell import Transformer

CELLS = ["a = %pwd", "a = !ls", "a = \\\n  %pwd", "a = b = %pwd", "%pwd", "!ls", "x?", "?x", "x??", "%%time\nx = 1"]
CELLS += ["if 1:\n    %pwd", "for i in x:\n    !ls {i}", "/f 1", ",f 1", ";f 1", "f(\n%pwd\n)", "In [1]: x"]
CELLS += ["\n\nx = 1", "a = 5 % 3", "a != 3", "a %= 2", "x = '?'", "  x = 1", "a = (1 if\n b else 2)"]


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_becomes_the_same_python_as_in_ipython(cell):
    assert Transformer().transform_cell(cell) == TransformerManager().transform_cell(cell)
