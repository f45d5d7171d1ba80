"""What is shared stays shared; what is another variable is referred to."""
from . import case

case("two_names_of_one_list", """
a = [1]
b = a
""", """
b.append(2)
assert a == [1, 2] and a is b
""", linked=[('a', 'b')])
case("inner_object_shared", """
s = []
a = {'s': s}
b = (s,)
""", """
s.append(1)
assert a['s'] is s and b[0] is s
""", linked=[('s', 'a', 'b')])
case("object_attribute_shared", """
class A: pass
x = A()
x.d = {}
d = x.d
""", """
d['k'] = 1
assert x.d['k'] == 1
""", linked=[('x', 'd')])
case("list_of_another_group_is_a_reference", """
big = list(range(1000))
x = {'big': big}
""", "assert x['big'] is big", references=('big',))
case("dict_of_another_group_is_a_reference", """
d = {'a': 1}
x = [d, d]
""", 'assert x[0] is d and x[1] is d', references=('d',))
case("frame_of_another_group_is_a_reference", """
import pandas as pd
df = pd.DataFrame({'a': [1, 2]})
class M: pass
m = M()
m.df = df
""", 'assert m.df is df', references=('df',))
case("array_of_another_group_is_a_reference", """
import numpy as np
a = np.arange(5.)
m = {'a': a}
""", "assert m['a'] is a", references=('a',))
case("numpy_view_stays_a_view", """
import numpy as np
base = np.arange(10.)
v = base[2:5]
""", """
v[0] = 99
assert base[2] == 99 and v.base is base
""", linked=[('base', 'v')])
case("numpy_view_alone_first", """
import numpy as np
a = np.arange(100_000.)
z = a[::-2]
y = a.reshape(100, -1).T
""", """
y[0, 0] = -5
assert a[0] == -5 and z.shape == (50_000,) and z.strides == (-16,)
z[0] = 7
assert a[-1] == 7
""", linked=[('z', 'a', 'y')])
case("numpy_views_of_a_base_that_has_no_name", """
import numpy as np
t = np.arange(12).reshape(3, 4)
a = t[0]
b = t[:, 0]
del t
""", """
a[0] = 50
assert b[0] == 50 and b.tolist() == [50, 4, 8]
""", linked=[('a', 'b')])
case("view_alone_does_not_drag_its_base", """
import numpy as np
x = np.zeros(1_000_000)[:4]
""", """
assert x.shape == (4,)
x[0] = 1
""")
case("numpy_broadcast_view", """
import numpy as np
a = np.arange(3)
b = np.broadcast_to(a, (2, 3))
""", """
assert b.shape == (2, 3) and b.strides[0] == 0 and not b.flags.writeable
a[0] = 9
assert b[1, 0] == 9
""", linked=[('a', 'b')])
case("numpy_view_of_other_dtype", """
import numpy as np
a = np.zeros(4, 'f8')
b = a.view('u1')
""", """
b[7] = 0x40
assert a[0] == 2.0
""", linked=[('a', 'b')])
case("numpy_field_view", """
import numpy as np
r = np.zeros(3, [('x', 'i4'), ('y', 'f8')])
y = r['y']
""", """
y[1] = 5
assert r[1]['y'] == 5
""", linked=[('r', 'y')])
case("numpy_datetime_view", """
import numpy as np
d = np.arange('2024-01', '2024-06', dtype='M8[M]')
v = d[1:3]
""", """
v[0] = np.datetime64('2030-01')
assert str(d[1]) == '2030-01'
""", linked=[('d', 'v')])
case("numpy_object_view", """
import numpy as np
o = np.array([[1], 'a', None, {}], dtype=object)
v = o[1:3]
""", """
v[0] = 'z'
assert o[1] == 'z' and v.shape == (2,)
""", linked=[('o', 'v')])
case("numpy_over_a_bytearray", """
import numpy as np
b = bytearray(16)
a = np.frombuffer(b, 'u1')[4:]
""", """
b[4] = 3
assert a[0] == 3 and a.flags.writeable
""", linked=[('b', 'a')])
case("numpy_over_bytes_is_readonly", """
import numpy as np
a = np.frombuffer(b'abcd', 'u1')
""", 'assert not a.flags.writeable and a.tolist() == [97, 98, 99, 100]')
case("series_and_frame_are_apart", """
import pandas as pd
df = pd.DataFrame({'a': [1., 2.], 'b': [3., 4.]})
s = df['a']
""", """
s.iloc[0] = 50
assert df['a'].iloc[0] == 1.0
""", linked=[('df', 's')], modern=True)
case("frame_slices_are_apart", """
import pandas as pd, numpy as np
df = pd.DataFrame(np.arange(40_000.).reshape(-1, 2), columns=list('xy'))
d2 = df[:]
d3 = df[['x']]
""", """
d2.iloc[0, 0] = 50
d3.iloc[1, 0] = 51
assert df.iloc[0, 0] == 0 and df.iloc[1, 0] == 2 and d2.iloc[0, 0] == 50
df.iloc[2, 0] = -1
assert d2.iloc[2, 0] == 4
""", linked=[('df', 'd2', 'd3')], modern=True)
case("index_and_series_are_apart", """
import pandas as pd
s = pd.Series([1., 2.])
i = pd.Index(s)
""", """
s.iloc[0] = 9
assert i[0] == 1.0
""", linked=[('s', 'i')], modern=True)
case("array_over_a_frame", """
import pandas as pd, numpy as np
a = np.zeros(5)
s = pd.Series(a, copy=False)
""", """
a[0] = 3
assert s.iloc[0] == 3
""", linked=[('a', 's')])
case("columns_index_shared", """
import pandas as pd
df = pd.DataFrame({'a': [1]})
c = df.columns
d = pd.DataFrame([[5]], columns=c)
""", """
assert df.columns.equals(d.columns)
assert c.equals(df.columns)
""", linked=[('df', 'c', 'd')])
case("unrelated_frames_stay_apart", """
import pandas as pd
a = pd.DataFrame({'x': [1]})
b = pd.DataFrame({'x': [2]})
""", 'assert a.x[0] == 1 and b.x[0] == 2')
case("closure_over_a_variable", """
data = [1]
def make():
    d = data
    return lambda: d
f = make()
""", """
assert f() is data
data.append(2)
assert f() == [1, 2]
""", linked=[('data', 'f')])
case("default_argument_shared_with_a_variable", """
acc = []
def f(x, acc=acc): acc.append(x)
""", """
f(3)
assert acc == [3]
""", linked=[('acc', 'f')])
case("module_state_is_the_modules", """
import user_module
m = user_module
d = vars(user_module)
""", """
import user_module
assert d is vars(user_module) and m is user_module
""")
case("ctypes_memory_is_one_memory", """
import ctypes
import numpy as np
class Pair(ctypes.Structure):
    _fields_ = [('x', ctypes.c_int), ('y', ctypes.c_double)]
values = (ctypes.c_double * 5)(*range(5))
whole, part, seen = np.ctypeslib.as_array(values), np.frombuffer(values)[1:], memoryview(values)
pairs = (Pair * 3)()
first, view, structures = pairs[1], memoryview(pairs), np.ctypeslib.as_array(pairs)
number = ctypes.c_int(5)
pointer, empty = ctypes.pointer(number), ctypes.POINTER(ctypes.c_int)()
same = ctypes.cast(values, ctypes.POINTER(ctypes.c_double))
buffer = bytearray(32)
over = Pair.from_buffer(buffer, 16)
""", """
import ctypes
whole[2] = 20
part[3] = 40
assert list(values) == [0, 1, 20, 3, 40] and same[4] == 40
assert seen[2:3].tobytes() == bytes(ctypes.c_double(20))
first.x = 7
assert pairs[1].x == 7 and structures['x'].tolist() == [0, 7, 0] and view[1:2].tobytes()[0] == 7
pointer.contents.value = 6
assert number.value == 6 and not empty
over.x = 9
assert buffer[16] == 9 and type(over) is Pair
""", linked=[("values", "whole", "part", "seen", "same"), ("pairs", "first", "view", "structures"),
             ("number", "pointer"), ("buffer", "over")])
case("ctypes_pointer_into_a_library_is_refused", """
import ctypes
lost = ctypes.pointer(ctypes.c_int(1)).contents
alive = ctypes.c_int(1)
free = ctypes.cast(ctypes.c_void_p(ctypes.addressof(alive)), ctypes.POINTER(ctypes.c_int))
kept = [1]
""", "assert kept == [1] and lost.value == 1", refuses={"free": "not_serializable: free: pointer to memory"})
case("array_given_out_by_an_object_of_the_session", """
import numpy as np
class Holder:
    def __init__(self, values):
        self.values, self.__array_interface__ = values, values.__array_interface__
base = np.arange(6.)
holder = Holder(base)
given = np.asarray(holder)[1:]
""", """
given[0] = 99
assert base[1] == 99 and holder.values is base
""", linked=[("base", "holder", "given")])
case("array_subclass_that_leads_to_itself", """
import numpy as np
class A(np.ndarray):
    pass
a = np.arange(4.).view(A)
a.info = {'of': a, 'n': 1}
a.last = 2
""", """
assert a.info['of'] is a and a.last == 2 and a.info['n'] == 1
""")
case("views_of_an_array_subclass_that_says_how_it_is_pickled", """
import numpy as np
class Quantity(np.ndarray):
    def __array_finalize__(self, other): self.unit = getattr(other, 'unit', None)
    def __reduce__(self):
        make, arguments, state = super().__reduce__()
        return make, arguments, (state, self.__dict__)
    def __setstate__(self, state):
        super().__setstate__(state[0])
        self.__dict__.update(state[1])
q = np.arange(6.).view(Quantity)
q.unit = 'm'
v, w, alone = q[1:], q.reshape(2, 3), np.arange(3.).view(Quantity).copy()
v.unit = alone.unit = 's'
plain = np.arange(4.)
over = plain.view(Quantity)
""", """
import numpy as np
v[0] = 9
assert q[1] == w[0, 1] == 9
assert (q.unit, v.unit, alone.unit) == ('m', 's', 's') and alone.tolist() == [0, 1, 2]
over[3] = -1
assert plain[3] == -1 and type(v) is type(q) is type(over) is Quantity and type(plain) is np.ndarray
""", linked=[("q", "v", "w"), ("plain", "over")])
