"""A module of the user's own, beside the notebook."""


class Thing:
    def __init__(self, n):
        self.n = n


def helper():
    return "helped"


def adder(n):
    def add(x):
        return x + n
    return add
