# %% [markdown]
# # Functions that make functions
# Memoisation, partials, counters in closures, recursion, a tiny interpreter.

# %%
import functools
import operator

calls = []

def traced(function):
    @functools.wraps(function)
    def wrapper(*arguments, **options):
        calls.append(function.__name__)
        wrapper.count += 1
        return function(*arguments, **options)

    wrapper.count = 0
    return wrapper

@traced
def area(width, height=2):
    return width * height

area(3), area(4, height=1)

# %%
def make_account(balance):
    def deposit(amount):
        nonlocal balance
        balance += amount
        return balance

    def look():
        return balance

    return deposit, look

deposit, look = make_account(10)
deposit(5)

# %%
memo = {}

def fib(n):
    if n not in memo:
        memo[n] = n if n < 2 else fib(n - 1) + fib(n - 2)
    return memo[n]

fib(60)

# %%
double = functools.partial(operator.mul, 2)
compose = lambda *functions: functools.reduce(lambda f, g: lambda x: g(f(x)), functions)
pipeline = compose(double, str, len)
pipeline(600)

# %%
adders = [lambda x, n=n: x + n for n in range(3)]
late = [lambda x: x + step for step in range(3)]
step = 100
[add(1) for add in adders], [add(1) for add in late]

# %%
SYMBOLS = {"+": operator.add, "*": operator.mul, "-": operator.sub}

def tokenise(text):
    return text.replace("(", " ( ").replace(")", " ) ").split()

def parse(tokens):
    token = tokens.pop(0)
    if token != "(":
        return int(token) if token.isdigit() else token
    inner = []
    while tokens[0] != ")":
        inner.append(parse(tokens))
    tokens.pop(0)
    return inner

variables = {}

def evaluate(tree):
    if isinstance(tree, list):
        head, *rest = tree
        if head == "let":
            variables[rest[0]] = evaluate(rest[1])
            return variables[rest[0]]
        return functools.reduce(SYMBOLS[head], map(evaluate, rest))
    return variables.get(tree, tree)

evaluate(parse(tokenise("(* (let x 4) (+ 1 2 x))")))

# %%
@functools.cache
def slow(n):
    calls.append(n)
    return n * n

slow(3), slow(3), calls.count(3)

# %%
registry = {}

def register(name):
    def decorate(function):
        registry[name] = function
        return function
    return decorate

@register("mean")
def mean(values):
    return sum(values) / len(values)

@register("spread")
def spread(values):
    return max(values) - min(values)

{name: function([1, 2, 6]) for name, function in registry.items()}

# %% tags=["next"]
deposit(1), look(), area(1), area.count, calls, fib(61), len(memo)

# %% tags=["next"]
evaluate(parse(tokenise("(+ x x)"))), registry["mean"] is mean, area.__wrapped__(5), [add(1) for add in late]
