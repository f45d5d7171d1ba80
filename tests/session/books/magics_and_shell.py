# %% [markdown]
# # IPython's own
# Magics, captured output, shell escapes, results by number, help, configuration.

# %%
import os
values = [3, 1, 2]

# %%
%time ordered = sorted(values)
ordered;

# %%
%%capture spoken
print("hello")
values.append(7)

# %%
_i2.split()[0], spoken.stdout

# %%
1 / 3

# %%
x = _ * 3
Out[5] + x

# %%
os.environ["BOOK_LEVEL"] = "high"
%env BOOK_LEVEL

# %%
%%python3 --out words
print("one two three")

# %%
words.split()

# %%
%alias_magic stopwatch timeit
from IPython import get_ipython
from IPython.core.magic import register_line_magic

@register_line_magic
def shout(line):
    return line.upper()

# %%
%cd -q ..
%pwd
here = os.path.basename(os.getcwd())

# %%
a, b = 1, 2
%reset_selective -f ^b$
"b" in globals()

# %%
!echo {x}
lines = !printf 'p\nq\n'
lines

# %% tags=["next"]
spoken.show()
values, x, os.environ["BOOK_LEVEL"], here == os.path.basename(os.getcwd()), "b" in globals()

# %% tags=["next"]
Out[5], len(In), lines.s, ordered
