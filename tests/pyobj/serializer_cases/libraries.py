"""Objects of libraries people use in notebooks."""
from . import case

NP = "import numpy as np\n"

case("sklearn_pipeline", """
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, FunctionTransformer
from sklearn.linear_model import LogisticRegression
X = np.random.default_rng(0).normal(size=(200, 3))
y = X[:, 0] > 0
def double(x): return 2 * x
m = make_pipeline(FunctionTransformer(double), StandardScaler(), LogisticRegression()).fit(X, y)
expected = m.predict_proba(X)
""", """
assert (m.predict_proba(X) == expected).all() and m.steps[0][1].func is double
""")
case("sklearn_forest", """
import numpy as np
from sklearn.ensemble import RandomForestClassifier
X = np.random.default_rng(0).normal(size=(300, 4))
y = X[:, 0] * X[:, 1] > 0
m = RandomForestClassifier(20, random_state=0).fit(X, y)
expected = m.predict(X)
""", 'assert (m.predict(X) == expected).all()')
case("sklearn_estimator_of_the_session", """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
class T(BaseEstimator, TransformerMixin):
    def __init__(self, k=1): self.k = k
    def fit(self, X, y=None): self.n_ = len(X); return self
    def transform(self, X): return X * self.k
t = T(3).fit(np.ones((2, 2)))
""", """
assert t.n_ == 2 and t.fit_transform(np.ones((1, 1)))[0, 0] == 3 and clone(t).k == 3
assert t.set_params(k=5).k == 5
""")
case("matplotlib_figure", """
import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
line, = ax.plot([1, 2, 3], label='l')
ax.set_title('t')
""", """
assert fig.axes[0] is ax and ax.lines[0] is line and ax.get_title() == 't'
assert line.get_ydata().tolist() == [1, 2, 3]
import io
fig.savefig(io.BytesIO())
""",
     linked=[('fig', 'ax', 'line')])
case("networkx_graph", """
import networkx as nx
g = nx.karate_club_graph()
g.nodes[0]['x'] = [1]
v = g.nodes
""", """
assert g.number_of_edges() == 78 and g.nodes[0]['x'] == [1]
g.add_node(99)
assert 99 in v
""", linked=[('g', 'v')], needs=('networkx',))
case("sympy_expression", """
import sympy as sp
x, y = sp.symbols('x y', positive=True)
e = sp.integrate(sp.sin(x) * y, x)
f = sp.lambdify(x, x ** 2)
""", """
import sympy as sp
assert e == -y * sp.cos(x) and f(3) == 9 and sp.Symbol('x', positive=True) == x
""", needs=('sympy',))
case("pillow_image", """
from PIL import Image
i = Image.new('RGB', (4, 3), (1, 2, 3))
""", """
assert i.getpixel((0, 0)) == (1, 2, 3) and i.size == (4, 3)
i.putpixel((0, 0), (9, 9, 9))
""", needs=('PIL',))
case("requests_response", """
import requests
r = requests.Response()
r.status_code = 200
r._content = b'x'
""", "assert r.ok and r.content == b'x'", needs=('requests',))
case("beautiful_soup", """
from bs4 import BeautifulSoup
s = BeautifulSoup('<a href=1>x</a>', 'html.parser')
""", "assert s.a['href'] == '1'", needs=('bs4',))
case("scipy_objects", """
import numpy as np
from scipy import interpolate, stats, spatial
f = interpolate.interp1d([0, 1], [0, 2])
d = stats.norm(1, 2)
k = spatial.cKDTree(np.eye(3))
s = interpolate.CubicSpline([0, 1, 2], [0, 1, 4])
""", """
assert f(.5) == 1 and d.mean() == 1 and k.query([1, 0, 0])[1] == 0 and abs(s(1) - 1) < 1e-12
""")
case("lightgbm_model", """
import numpy as np
import lightgbm as lgb
X = np.random.default_rng(0).normal(size=(200, 3))
m = lgb.LGBMRegressor(n_estimators=5, verbose=-1).fit(X, X[:, 0])
e = m.predict(X)
""", 'assert (m.predict(X) == e).all()', needs=('lightgbm',))
case("statsmodels_fit", """
import numpy as np
import statsmodels.api as sm
X = np.random.default_rng(0).normal(size=(50, 2))
r = sm.OLS(X[:, 0], sm.add_constant(X[:, 1])).fit()
p = r.params.copy()
""", 'assert (r.params == p).all() and r.summary() is not None', needs=('statsmodels',))
case("traitlets_object", """
import traitlets
class T(traitlets.HasTraits):
    x = traitlets.Int(3)
    log = traitlets.List()
    @traitlets.observe('x')
    def _c(self, change): self.log = self.log + [change['new']]
t = T()
t.x = 4
""", """
t.x = 5
assert t.x == 5 and t.log == [4, 5]
""")
case("attrs_class", """
import attr
@attr.s(auto_attribs=True)
class A:
    x: int
    y: list = attr.ib(factory=list)
a = A(1)
@attr.frozen
class F:
    z: int
f = F(2)
""", 'assert a == A(1) and a.y == [] and f.z == 2 and f == F(2)', needs=('attr',))
case("ipython_display_objects", """
from IPython.display import HTML, Markdown
h = HTML('<b>x</b>')
""", "assert h.data == '<b>x</b>'")
case("yaml_and_json_values", """
import json, yaml
d = yaml.safe_load('a: [1, 2]')
""", "assert d == {'a': [1, 2]}", needs=('yaml',))
case("torch_tensors_share_storage", """
import torch
a = torch.arange(20_000.)
b = a.view(100, 200)[1:, ::2]
m = torch.nn.Linear(2, 3)
w = m.weight
o = torch.optim.SGD(m.parameters(), lr=.1)
""", """
a[200] = -1
assert b[0, 0] == -1 and w is m.weight and o.param_groups[0]['params'][0] is w and w.requires_grad
""", linked=[('a', 'b'), ('m', 'w', 'o')], needs=('torch',))
case("torch_dtypes_and_empty", """
import torch
xs = [torch.zeros(3, dtype=d) for d in (torch.bfloat16, torch.bool, torch.int64, torch.complex64)]
xs.append(torch.empty(0))
g = torch.ones(2, requires_grad=True)
""", """
import torch
assert xs[0].dtype is torch.bfloat16 and xs[-1].numel() == 0 and g.is_leaf and g.requires_grad
""",
     needs=('torch',))
case("a_soup_and_tags_of_it", """
from bs4 import BeautifulSoup
soup = BeautifulSoup('<ul><li class="a b">1 <b>x</b></li><li>2</li></ul><!-- note -->', 'html.parser')
b, items, text = soup.b, soup.find_all('li'), soup.b.string
out = items[1].extract()
new = soup.new_tag('p')
""", """
assert soup.b is b and soup.li is items[0] and b.string is text and b.parent is items[0]
assert str(soup) == '<ul><li class="a b">1 <b>x</b></li></ul><!-- note -->'
assert out is items[1] and out.parent is None and items[0]['class'] == ['a', 'b']
new.string = 'later'
b.append(new)
soup.ul.append(out)
assert str(soup) == '<ul><li class="a b">1 <b>x<p>later</p></b></li><li>2</li></ul><!-- note -->'
assert soup.find_all(string='2')[0] is out.string and soup.builder.soup is None
""", linked=[("soup", "b", "items", "text", "out", "new")], needs=("bs4",))
case("a_soup_with_a_parser_that_cannot_be_pickled", """
from bs4 import BeautifulSoup
from bs4.builder import HTMLParserTreeBuilder
class Native(HTMLParserTreeBuilder):
    picklable = False
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.parser = (each for each in [1])
soup = BeautifulSoup('<p>1</p>', builder=Native)
p = soup.p
""", """
assert soup.p is p and type(soup.builder) is Native and str(soup) == '<p>1</p>'
""", linked=[("soup", "p")], needs=("bs4",))
case("sklearn_trees_of_neighbours", """
import numpy as np
from sklearn.neighbors import KDTree, BallTree, NearestNeighbors, KNeighborsClassifier
X = np.random.default_rng(0).normal(size=(200, 3))
kd, ball = KDTree(X), BallTree(X[::2])
neighbours = NearestNeighbors(algorithm='kd_tree').fit(X)
classifier = KNeighborsClassifier().fit(X, X[:, 0] > 0)
expected = kd.query(X[:5], 3)[1], ball.query(X[:5], 3)[1], neighbours.kneighbors(X[:5])[1]
""", """
found = kd.query(X[:5], 3)[1], ball.query(X[:5], 3)[1], neighbours.kneighbors(X[:5])[1]
assert all((a == b).all() for a, b in zip(found, expected))
assert np.shares_memory(np.asarray(kd.data), X) and classifier.predict(X).any()
""", linked=[("X", "kd", "ball", "neighbours", "classifier")])
case("sympy_functions_whose_classes_have_no_module", """
import sympy as sp
x = sp.symbols('x')
f = sp.Function('f')
equation = sp.Eq(f(x).diff(x), f(x))
solution = sp.dsolve(equation)
""", """
assert solution.rhs.diff(x) == solution.rhs and equation.has(f(x)) and solution.lhs == f(x)
""", needs=("sympy",))
case("arrays_of_a_fitted_tree", """
import numpy as np
from sklearn.tree import DecisionTreeClassifier
points = np.random.default_rng(0).random((40, 2))
clf = DecisionTreeClassifier(random_state=0).fit(points, np.arange(40) % 2)
left, threshold, values = clf.tree_.children_left, clf.tree_.threshold[2:6], clf.tree_.value
expected = clf.predict(points).tolist(), left.tolist(), threshold.tolist(), values.tolist()
alone = DecisionTreeClassifier(random_state=0).fit(points, np.arange(40) % 2).tree_.value
""", """
assert (clf.predict(points).tolist(), left.tolist(), threshold.tolist(), values.tolist()) == expected
assert alone.tolist() == expected[3]
kept = left[0], threshold[1], values[0, 0, 0]
left[0], threshold[1], values[0, 0, 0] = -1, 0.5, 0.25     # cuts off all branches
assert clf.tree_.children_left[0] == -1 and clf.tree_.threshold[3] == 0.5
assert clf.tree_.value[0, 0, 0] == 0.25 and len(set(clf.predict(points))) == 1
left[0], threshold[1], values[0, 0, 0] = kept
assert clf.predict(points).tolist() == expected[0]
""", linked=[("clf", "left", "threshold", "values")], needs=("sklearn",))
