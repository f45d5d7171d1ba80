"""What other tools get wrong (design brief, section 10), as far as it is the serialiser's."""
from . import case

case("trap_two_aliased_variables", """
import pandas as pd
a = pd.DataFrame({'x': [1]})
b = a
""", 'assert a is b', linked=[('a', 'b')])
case("trap_restored_function_has_live_globals", """
import math
def area(r): return math.pi * r ** 2 * factor
factor = 2
""", """
assert area(1) > 6
factor = 0
assert area(1) == 0
""")
case("trap_instance_of_a_notebook_class", """
class Model:
    def fit(self): self.w = [1.5]; return self
m = Model().fit()
""", 'assert m.w == [1.5] and type(m) is Model')
case("trap_function_that_sets_a_global", """
def set_x():
    global x
    x = 2
x = 1
""", """
set_x()
assert x == 2
""")
case("trap_alias_with_an_underscore", """
_a = [1]
b = _a
""", """
_a.append(2)
assert b == [1, 2]
""", linked=[('_a', 'b')])
case("trap_frames_share_a_class", """
import pandas as pd
class Tag: pass
a = pd.DataFrame({'o': [Tag]})
b = pd.DataFrame({'o': [Tag]})
""", 'assert a.o[0] is Tag and b.o[0] is Tag')
case("trap_many_small_dicts", "x = [{'a': i} for i in range(200_000)]",
     "assert len(x) == 200_000 and x[-1] == {'a': 199_999}")
case("trap_does_not_unpickle", """
class Bad:
    def __init__(self): self.v = 1
    def __setstate__(self, state): raise RuntimeError('never')
bad = Bad()
good = {'a': 1}
""", "assert good == {'a': 1} and 'bad' not in globals()", only_loaded=True)
case("trap_open_file_in_an_object", """
class Log:
    def __init__(self): self.f = open('log.txt', 'w'); self.f.write('line'); self.f.flush()
log = Log()
""", refuses={'log': 'not_serializable: log.f: open file'})
case("trap_class_named_like_a_module", """
class json: 
    v = 1
x = json()
""", 'assert type(x) is json and x.v == 1')
case("trap_name_shadows_a_builtin", """
def list(x): return [x]
def f(): return list(3)
""", 'assert f() == [3]')
case("trap_main_class_of_same_name_as_import", """
from collections import OrderedDict as Base
class OrderedDict(Base): pass
x = OrderedDict(a=1)
""", "assert type(x) is OrderedDict and x == {'a': 1}")
