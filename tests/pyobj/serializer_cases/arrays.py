"""numpy, scipy, pandas, polars, Arrow: values, flags and buffers."""
from . import case

NP = "import numpy as np\n"
PD = "import pandas as pd\nimport numpy as np\n"

case("array_small_owns_its_memory", """
import numpy as np
a = np.arange(3)
""", """
a.resize(5, refcheck=False)
assert a.tolist() == [0, 1, 2, 0, 0]
""")
case("array_large_is_writable", """
import numpy as np
a = np.arange(100_000.)
""", """
a[0] = 7
assert a[0] == 7 and a.flags.writeable and a[99_999] == 99_999
""")
case("array_readonly_stays_so", """
import numpy as np
a = np.arange(100_000.)
a.flags.writeable = False
b = np.arange(3)
b.flags.writeable = False
""", 'assert not a.flags.writeable and a[5] == 5 and not b.flags.writeable')
case("array_readonly_with_a_writable_view", """
import numpy as np
a = np.arange(10.)
v = a[2:5]
a.flags.writeable = False
""", """
v[0] = 7
assert a[2] == 7 and v.flags.writeable and not a.flags.writeable
""", linked=[('a', 'v')])
case("array_fortran_order", """
import numpy as np
a = np.asfortranarray(np.arange(40_000.).reshape(200, 200))
""", 'assert a.flags.f_contiguous and a[0, 1] == 1')
case("array_strided_alone", """
import numpy as np
a = np.arange(100_000.)[::2]
b = np.arange(40_000.).reshape(200, 200)[:, ::3]
""", 'assert a[1] == 2 and b[0, 1] == 3 and b.shape == (200, 67)')
case("array_transposed_alone", """
import numpy as np
a = np.arange(60_000.).reshape(3, 100, 200).transpose(2, 0, 1)
""", """
assert a.shape == (200, 3, 100) and a[1, 0, 0] == 1 and a[0, 0, 1] == 200
""")
case("array_zero_dimensional_and_empty", """
import numpy as np
a = np.array(5)
b = np.empty((0, 3))
c = np.float32(1.5)
""", """
assert a == 5 and a.shape == () and b.shape == (0, 3) and c == 1.5 and type(c) is np.float32
""")
case("array_structured", """
import numpy as np
a = np.zeros(5000, [('x', 'i4'), ('y', 'f8', (2,))])
a['x'] = 3
""", "assert a['x'].sum() == 15000 and a.dtype.names == ('x', 'y')")
case("array_of_objects", """
import numpy as np
s = []
a = np.array([s, 'x', None], dtype=object)
""", 'assert a[0] is s', linked=[('s', 'a')])
case("array_of_strings", """
import numpy as np
a = np.array(['aa', 'b'])
b = np.array(['x', 'yy'], dtype=np.dtypes.StringDType())
""", "assert a.tolist() == ['aa', 'b'] and b[1] == 'yy'", modern=True)
case("array_times", """
import numpy as np
a = np.array(['2024-01-01', 'NaT'], 'M8[ns]')
b = np.array([1, 2], 'm8[h]')
""", "assert np.isnat(a[1]) and b[1] == np.timedelta64(2, 'h')")
case("array_byte_order", """
import numpy as np
a = np.arange(20_000, dtype='>i4')
""", "assert a.dtype.str == '>i4' and a[-1] == 19_999")
case("array_half_and_complex", """
import numpy as np
a = np.ones(3, 'f2')
b = np.ones(3, 'c16') * 1j
c = np.ones(2, 'g')
""", "assert a.dtype == 'f2' and b[0] == 1j and c.dtype == 'g'")
case("masked_array", """
import numpy as np
a = np.ma.array([1, 2, 3], mask=[0, 1, 0])
""", 'assert a.sum() == 4 and a.mask.tolist() == [False, True, False]')
case("matrix_and_recarray", """
import numpy as np
m = np.matrix([[1, 2]])
r = np.rec.array([(1, 2.)], dtype=[('a', 'i4'), ('b', 'f8')])
""", """
assert (m * m.T)[0, 0] == 5 and r.a[0] == 1 and type(r) is np.recarray
""")
case("array_subclass", """
import numpy as np
class A(np.ndarray):
    def __array_finalize__(self, o): self.unit = getattr(o, 'unit', None)
a = np.arange(3.).view(A)
a.unit = 'm'
""", "assert type(a) is A and a.unit == 'm' and a[1:].unit == 'm'")
case("array_subclass_with_reduce", """
import numpy as np
class A(np.ndarray):
    def __reduce__(self):
        f, a, s = super().__reduce__()
        return f, a, s + (self.unit,)
    def __setstate__(self, s):
        self.unit = s[-1]
        super().__setstate__(s[:-1])
a = np.arange(3.).view(A)
a.unit = 'm'
""", "assert a.unit == 'm' and a[2] == 2")
case("generator_of_numpy", """
import numpy as np
r = np.random.default_rng(1)
r.random()
s = np.random.default_rng(1)
s.random()
q = np.random.RandomState(4)
""", """
assert r.random() == s.random() and q.rand() == np.random.RandomState(4).rand()
""")
case("generator_shares_its_bits", """
import numpy as np
r = np.random.default_rng(1)
b = r.bit_generator
""", 'assert r.bit_generator is b', linked=[('r', 'b')])
case("ufunc_and_dtype", """
import numpy as np
u = np.sin
d = np.dtype([('a', 'i4')])
v = np.vectorize(lambda x: x + 1)
p = np.poly1d([1, 2])
""", """
assert u is np.sin and d.names == ('a',) and v(np.arange(2)).tolist() == [1, 2] and p(1) == 3
""")
case("scipy_sparse", """
import numpy as np
import scipy.sparse as sp
m = sp.random(300, 300, 0.2, format='csr', random_state=0)
k = sp.coo_array(np.eye(3))
""", """
assert m.nnz == 18000 and (m @ m).shape == (300, 300) and k.sum() == 3
""")
case("frame_of_everything", """
import pandas as pd
import numpy as np
df = pd.DataFrame({'i': [1, 2], 'f': [.5, None], 's': ['a', None], 't': pd.to_datetime(['2024-01-01', None]),
    'c': pd.Categorical(['x', 'y']), 'b': [True, False], 'o': [[1], {}],
    'n': pd.array([1, None], dtype='Int64'), 'z': pd.date_range('2024', periods=2, tz='Europe/Vienna')})
df.attrs['k'] = 'v'
old = df.copy(deep=True)
""", """
import pandas.testing as t
t.assert_frame_equal(df, old)
assert df.attrs == {'k': 'v'} and df.dtypes.astype(str).tolist() == old.dtypes.astype(str).tolist()
df.loc[0, 'i'] = 9
assert df.i[0] == 9 and old.i[0] == 1
""")
case("frame_large_can_be_written", """
import pandas as pd
import numpy as np
df = pd.DataFrame({'a': np.arange(50_000.), 'b': np.arange(50_000)})
df['s'] = 'x'
""", """
df.loc[0, 'a'] = 5
df['c'] = df.a + df.b
assert df.a[0] == 5 and df.c[1] == 2 and len(df) == 50_000
df.sort_values('b', ascending=False, inplace=True)
assert df.b.iloc[0] == 49_999
""")
case("frame_arrow_backed", """
import pandas as pd
import numpy as np
df = pd.DataFrame({'a': [1, None], 'b': ['x', 'y']}).convert_dtypes(dtype_backend='pyarrow')
""", """
assert df.a.isna().tolist() == [False, True] and 'pyarrow' in str(df.dtypes['a'])
""", modern=True)
case("frame_multiindex", """
import pandas as pd
import numpy as np
df = pd.DataFrame({'v': range(4)}, index=pd.MultiIndex.from_product([['a', 'b'], [1, 2]], names=['k', 'n']))
""", "assert df.loc[('b', 1), 'v'] == 2 and df.index.names == ['k', 'n']")
case("frame_subclass", """
import pandas as pd
import numpy as np
class F(pd.DataFrame):
    _metadata = ['unit']
    @property
    def _constructor(self): return F
f = F({'a': [1]})
f.unit = 'm'
""", "assert type(f) is F and f.unit == 'm' and type(f[['a']]) is F")
case("series_and_index_kinds", """
import pandas as pd
import numpy as np
s = pd.Series([1, 2], index=['a', 'b'], name='n')
r = pd.RangeIndex(5)
d = pd.date_range('2024', periods=3, freq='D')
i = pd.interval_range(0, 3)
p = pd.period_range('2024', periods=2, freq='M')
ts = pd.Timestamp('2024-01-01', tz='UTC')
""", """
assert s['b'] == 2 and s.name == 'n' and list(r) == list(range(5))
assert d.freqstr == 'D' and 1.5 in i[1] and str(p[0]) == '2024-01' and ts.tz is not None
""")
case("group_by_and_rolling", """
import pandas as pd
import numpy as np
df = pd.DataFrame({'k': [1, 1, 2], 'v': [1., 2., 3.]})
g = df.groupby('k')
r = df.v.rolling(2)
""", 'assert g.v.sum().tolist() == [3, 3] and r.sum().iloc[1] == 3', linked=[('df', 'g', 'r')])
case("polars", """
import polars as pl
df = pl.DataFrame({'a': [1, 2], 'b': ['x', None]})
s = pl.Series('s', [1.5])
lz = df.lazy().filter(pl.col('a') > 1)
""", """
assert df['b'].to_list() == ['x', None] and s[0] == 1.5 and lz.collect().height == 1
""")
case("polars_large", """
import polars as pl, numpy as np
df = pl.DataFrame({'a': np.arange(200_000.), 'c': ['p', 'q'] * 100_000})
df = df.with_columns(pl.col('c').cast(pl.Categorical))
""", """
assert df['a'].sum() == 19999900000
assert df['c'].dtype == __import__('polars').Categorical and df['c'][1] == 'q'
""")
case("arrow", """
import pyarrow as pa
t = pa.table({'a': [1, 2], 'b': ['x', None]}, metadata={'k': 'v'})
a = pa.array(range(50_000))
b = a.slice(10, 5)
sch = t.schema
buf = pa.py_buffer(b'abc')
""", """
assert t.to_pydict() == {'a': [1, 2], 'b': ['x', None]} and a[49_999].as_py() == 49_999
assert b.to_pylist() == [10, 11, 12, 13, 14] and sch.equals(t.schema)
assert buf.to_pybytes() == b'abc'
""")
case("memmap_of_a_file", """
import numpy as np
from pathlib import Path
m = np.memmap('numbers.dat', dtype='f4', mode='w+', offset=8, shape=(30, 4), order='F')
m[:] = np.arange(120).reshape(30, 4)
part, plain = m[2:9:2, 1:], np.asarray(m)[3]
np.save('saved.npy', np.arange(6))
saved = np.load('saved.npy', mmap_mode='r')
records = np.memmap(Path('records'), dtype=[('a', 'i2'), ('b', 'f8')], mode='w+', shape=(7,))
b = records['b']
computed = saved.copy()
""", """
assert type(m) is type(part) is np.memmap and type(plain) is np.ndarray and type(b) is np.memmap
assert m.mode == 'w+' and m.filename.endswith('numbers.dat') and m.offset == 8 and m.flags.f_contiguous
assert m[4, 2] == 18 and part[1, 1] == 18 and plain[3] == 15
part[1, 1] = -1; plain[3] = -2
assert m[4, 2] == -1 and m[3, 3] == -2 and part._mmap is m._mmap
again = np.fromfile(m.filename, 'f4', offset=8).reshape((30, 4), order='F')
assert again[4, 2] == -1 and again[3, 3] == -2
part[1, 1] = 18; plain[3] = 15
assert saved.tolist() == [0, 1, 2, 3, 4, 5] and not saved.flags.writeable and saved.mode == 'r'
b[3] = 2.5
assert records[3]['b'] == 2.5 and isinstance(records.filename, Path)
assert type(computed) is np.memmap and computed._mmap is None and computed.tolist() == [0, 1, 2, 3, 4, 5]
""", linked=[("m", "part", "plain"), ("records", "b")])
