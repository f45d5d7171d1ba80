# %% [markdown]
# # A module beside the notebook
# Written by a cell, imported, used, changed and reloaded, as people do while they move code out.

# %%
import importlib
import sys
from pathlib import Path

Path("toolbox.py").write_text('''
"""Helpers."""
import math

SCALE = 2


class Shape:
    def __init__(self, size):
        self.size = size

    def area(self):
        return self.size * SCALE


def circle(radius):
    return round(math.pi * radius**2 * SCALE, 4)
''')
sys.path.insert(0, ".")

# %%
import toolbox
from toolbox import Shape, circle

shapes = [Shape(2), Shape(3)]
[shape.area() for shape in shapes]

# %%
circle(1), toolbox.SCALE

# %%
class Square(Shape):
    def area(self):
        return super().area() ** 2

square = Square(4)
square.area()

# %%
def total(shapes):
    return sum(shape.area() for shape in shapes) * toolbox.SCALE

total([*shapes, square])

# %%
by_size = {shape.size: shape for shape in shapes}
by_size[2] is shapes[0], isinstance(square, toolbox.Shape)

# %%
areas = list(map(circle, range(4)))
areas

# %% tags=["next"]
total(shapes), type(shapes[0]) is toolbox.Shape, Shape is toolbox.Shape, by_size[3] is shapes[1]

# %% tags=["next"]
square.area(), "." in sys.path, circle(2)
