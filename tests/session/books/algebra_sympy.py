# %% [markdown]
# # Algebra
# sympy: calculus, matrices, equations, assumptions, and functions made of expressions.

# %%
import sympy as sp
from sympy import Rational, cos, exp, oo, pi, sin, symbols

x, y, z = symbols("x y z")
n = symbols("n", integer=True, positive=True)
f = sin(x) * exp(-x / 3)
f.diff(x)

# %%
area = sp.integrate(f, (x, 0, oo))
series = sp.series(f, x, 0, 6)
area, series

# %%
M = sp.Matrix([[2, x], [x, 3]])
eigen = M.eigenvals()
M.det()

# %%
solutions = sp.solve([x**2 + y**2 - 25, x - y - 1], [x, y])
solutions

# %%
numeric = sp.lambdify(x, f, "math")
table = {point: round(numeric(point), 6) for point in (0, 1, 2)}
table

# %%
M[0, 0] = cos(y)
harmonic = sp.Sum(1 / n**2, (n, 1, oo))
M, harmonic.doit()

# %%
u = sp.Function("u")
ode = sp.Eq(u(x).diff(x, 2) + 4 * u(x), 0)
answer = sp.dsolve(ode)
answer

# %%
def taylor(expression, order):
    """The polynomial around zero."""
    return sum(expression.diff(x, k).subs(x, 0) * x**k / sp.factorial(k) for k in range(order))

polynomial = sp.Poly(taylor(f, 5), x)
polynomial.degree(), polynomial.all_coeffs()

# %%
identity = sp.simplify(sin(x) ** 2 + cos(x) ** 2)
expressions = [f, M, answer, identity, Rational(1, 3) + pi]
len(expressions)

# %% tags=["next"]
expressions[1] is M, x == sp.Symbol("x"), n.is_positive, (n > 0), sp.Symbol("n") == n

# %% tags=["next"]
taylor(cos(x), 4), numeric(0.5), M.subs(y, 0)[0, 0], answer.rhs.subs({x: 0})
