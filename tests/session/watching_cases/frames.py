"""pandas, polars and pyarrow."""

from watching_cases import PANDAS, case

DF = "df = pd.DataFrame({'x': [1, 2, 3], 's': ['a', 'b', 'c'], 'f': [1.0, 2.0, 3.0]})"


def on(setting, cell, reads="df", writes="df", **more):
    """A case whose setting is pandas and one cell."""
    return case((PANDAS, setting), cell, reads, writes, **more)


CASES = {
    "new column": on(DF, "df['y'] = 2"),
    "column replaced": on(DF, "df['x'] = df['f'] * 2"),
    "column by attribute": on(DF, "df.x = [4, 5, 6]"),
    "loc": on(DF, "df.loc[0, 'x'] = 5"),
    "iloc": on(DF, "df.iloc[0, 0] = 5"),
    "at": on(DF, "df.at[0, 'x'] = 5"),
    "loc with a mask": on(DF, "df.loc[df.x > 1, 'x'] = 0"),
    "string cell": on(DF, "df.loc[0, 's'] = 'zz'"),
    "missing value": on(DF, "df.loc[0, 'f'] = np.nan", "df np"),
    "insert": on(DF, "df.insert(0, 'n', 1)"),
    "pop": on(DF, "y = df.pop('x')", "df", "df y"),
    "delete a column": on(DF, "del df['x']"),
    "drop in place": on(DF, "df.drop(columns='x', inplace=True)"),
    "sort in place": on(DF, "df.sort_values('x', ascending=False, inplace=True)"),
    "set_index in place": on(DF, "df.set_index('s', inplace=True)"),
    "rename in place": on(DF, "df.rename(columns={'x': 'z'}, inplace=True)"),
    "columns": on(DF, "df.columns = ['u', 'v', 'w']"),
    "index": on(DF, "df.index = [5, 6, 7]"),
    "index name": on(DF, "df.index.name = 'n'"),
    "attrs": on(DF, "df.attrs['unit'] = 'm'"),
    "update": on(DF + "\nother = pd.DataFrame({'x': [9]})", "df.update(other)", "df other"),
    "fillna in place": on("df = pd.DataFrame({'x': [None, 1.0]})", "df.fillna(0, inplace=True)"),
    "rebound": on(DF, "df = df.assign(y=1)"),
    "read a column": on(DF, "y = df['x'].sum()", "df", "y", also_writes="df"),
    "describe": on(DF, "y = df.describe()", "df", "y", also_writes="df"),
    "group": on(DF, "y = df.groupby('s').x.sum()", "df", "y", also_writes="df"),
    "group with a function": case((PANDAS, DF, "k = [2]", "def scale(v): return v.sum() * k[0]"),
                                  "y = df.groupby('s').x.apply(scale)", "df scale k", "y", also_writes="df"),
    "apply changes a global": case((PANDAS, DF, "seen = []", "def look(v): seen.append(v); return v"),
                                   "y = df.x.apply(look)", "df look seen", "y seen", also_writes="df"),
    "merge": on(DF + "\nother = pd.DataFrame({'x': [1], 'q': [5]})", "y = df.merge(other)", "df other", "y",
                also_writes="df other"),
    "selection is a copy on write": on(DF + "\npart = df[['x']]", "part.loc[0, 'x'] = 9", "part", "part",
                                       also_writes="df"),
    "column is a copy on write": on(DF + "\ns = df['x']", "s.loc[0] = 9", "s", "s", also_writes="df"),
    "frame from a column": on(DF + "\ns = df['x']", "df.loc[0, 'x'] = 9", "df", "df", also_writes="s"),
    "copy is apart": on(DF + "\nc = df.copy()", "c.loc[0, 'x'] = 9", "c", "c"),
    "shallow copy": on(DF + "\nc = df.copy(deep=False)", "c.loc[0, 'x'] = 9", "c", "c", also_writes="df"),
    "frame over an array": on("a = np.zeros((2, 2))\ndf = pd.DataFrame(a, copy=False)", "a[0, 0] = 1", "a",
                              "a df"),
    "object column": on("df = pd.DataFrame({'o': [[1], [2]]})", "df.o[0].append(3)"),
    "object column shares": on("x = [1]\ndf = pd.DataFrame({'o': [x, None]})", "x.append(2)", "x", "df x"),
    "categorical": on("df = pd.DataFrame({'c': pd.Categorical(['a', 'b'])})", "df.loc[0, 'c'] = 'b'"),
    "categories renamed": on("df = pd.DataFrame({'c': pd.Categorical(['a', 'b'])})",
                             "df['c'] = df.c.cat.rename_categories(['u', 'v'])"),
    "datetime column": on("df = pd.DataFrame({'t': pd.to_datetime(['2020-01-01', '2020-01-02'])})",
                          "df.loc[0, 't'] = pd.Timestamp('2021-01-01')", "df pd"),
    "nullable integers": on("df = pd.DataFrame({'n': pd.array([1, None], dtype='Int64')})",
                            "df.loc[1, 'n'] = 5"),
    "nullable mask": on("df = pd.DataFrame({'n': pd.array([1, None], dtype='Int64')})",
        "df.loc[0, 'n'] = pd.NA",
                        "df pd"),
    "arrow strings": on("df = pd.DataFrame({'s': pd.array(['a', 'b'], dtype='string[pyarrow]')})",
                        "df.loc[0, 's'] = 'c'"),
    "multi index": on("df = pd.DataFrame({'v': [1, 2]}, index=pd.MultiIndex.from_tuples([(1, 1), (1, 2)]))",
                      "df.loc[(1, 1), 'v'] = 9"),
    "series": on("df = pd.Series([1, 2])", "df[0] = 5"),
    "series name": on("df = pd.Series([1, 2])", "df.name = 'n'"),
    "series through values": on("df = pd.Series([1.0, 2.0])", "v = df.to_numpy()", "df", "v",
        also_writes="df"),
    "in a dict": on("df = {'f': pd.DataFrame({'q': [1]})}", "df['f']['r'] = 1"),
    "in an instance": on("class K: pass\ndf = K(); df.f = pd.DataFrame({'q': [1]})", "df.f['r'] = 1"),
    "two frames share no data": on(DF + "\nother = df.assign(n=1)", "other.loc[0, 'x'] = 7", "other", "other",
                                   also_writes="df"),
    "pipe": case((PANDAS, DF, "k = 2", "def add(d): d['n'] = k; return d"), "y = df.pipe(add)", "df add k",
        "y",
                 also_writes="df"),
    "rolling object": on("df = pd.Series([1.0, 2, 3])\nr = df.rolling(2)", "df[0] = 5", "df", "df r"),
    "group object": on(DF + "\ng = df.groupby('s')", "df.loc[0, 'x'] = 5", "df", "df", also_writes="g"),
    "concatenated": on(DF, "y = pd.concat([df, df])", "df pd", "y", also_writes="df"),
    "styler": on(DF, "st = df.style.format(precision=1)", "df", "st", also_writes="df",
        effects="randomness-drawn"),
    "polars read": on("import polars as pl\np = pl.DataFrame({'x': [1, 2]})", "y = p['x'].sum()", "p", "y"),
    "polars new frame": on("import polars as pl\np = pl.DataFrame({'x': [1, 2]})",
                           "q = p.with_columns(pl.col('x') + 1)", "p pl", "q"),
    "polars frame that shares": on("import polars as pl\np = pl.DataFrame({'x': [1, 2]})\nq = p.clone()",
                                   "p[0, 'x'] = 9", "p", "p"),
    "polars in place": on("import polars as pl\np = pl.DataFrame({'x': [1, 2]})",
                          "p.insert_column(0, pl.Series('n', [5, 6]))", "p pl", "p"),
    "polars series item": on("import polars as pl\np = pl.Series([1, 2])", "p[0] = 9", "p", "p"),
    "arrow table": on("import pyarrow as pa\nt = pa.table({'x': [1, 2]})",
        "u = t.append_column('y', [[3, 4]])",
                      "t", "u", also_writes="t"),
    "arrow over an array": on("import pyarrow as pa\na = np.arange(5)\nt = pa.array(a)", "a[0] = 9", "a", "a",
                              also_writes="t"),
    "arrow buffer over bytes": on("import pyarrow as pa\na = bytearray(16)\nb = pa.py_buffer(a)", "a[0] = 9",
                                  "a", "a b"),
    "sklearn fit": on("from sklearn.linear_model import LinearRegression\nm = LinearRegression()\n"
                      "X = np.arange(4.0).reshape(-1, 1)", "m.fit(X, X.ravel())", "m X", "m",
                      also_writes="X"),
    "sklearn predict"
        : on("from sklearn.linear_model import LinearRegression\nX = np.arange(4.0).reshape(-1, 1)\n"
                          "m = LinearRegression().fit(X, X.ravel())", "y = m.predict(X)", "m X", "y",
                          also_writes="m X"),
    "sklearn tree predicts": on(
        "from sklearn.tree import DecisionTreeClassifier\nX = np.arange(4.0).reshape(-1, 1)\n"
        "m = DecisionTreeClassifier(random_state=0).fit(X, X.ravel() > 1)", "y = m.predict(X)", "m X", "y"),
    "sklearn tree's memory": on(
        "from sklearn.tree import DecisionTreeClassifier\nX = np.arange(4.0).reshape(-1, 1)\n"
        "m = DecisionTreeClassifier(random_state=0).fit(X, X.ravel() > 1)\nv = m.tree_.threshold", "v[0] = 9",
        "v", "v m"),
    "sklearn pipeline": on(
        "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\n"
        "sc = StandardScaler()\nm = make_pipeline(sc)\nX = np.arange(4.0).reshape(-1, 1)", "m.fit(X)", "m X",
        "m sc", also_writes="X"),
}
