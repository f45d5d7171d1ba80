"""Which cells ask something of the session, and do nothing else."""

import ast

from elasticpython.cell_text import is_literal, statements_of

_FUNCTIONS = ("checkpoint", "checkpoints", "restore", "history", "mark")


def is_command(transformed: str, namespace: dict) -> bool:
    """True for a cell that does nothing but checkpoint, restore or look at the history."""
    if not any(word in transformed for word in ("checkpoint", "restore", "history", "elastic")):
        return False
    statements = statements_of(transformed)
    return bool(statements) and all(_is_command_statement(each, namespace) for each in statements)


def _is_command_statement(statement, namespace: dict) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not all(is_literal(each) for each in arguments):
        return False
    if call.func.attr == "run_line_magic" and ast.unparse(call.func.value) == "get_ipython()":
        magic = call.args[0] if call.args else None
        return isinstance(magic, ast.Constant) and magic.value in ("checkpoint", "restore", "elastic")
    owner = call.func.value
    module = namespace.get(owner.id) if isinstance(owner, ast.Name) else None
    return getattr(module, "__name__", None) == "elasticpython" and call.func.attr in _FUNCTIONS


def ends_with_restore(transformed: str) -> bool:
    """Whether a restore is the last thing a cell does, beside binding its report to names."""
    statements = statements_of(transformed)
    calls = [node for node in ast.walk(ast.Module(statements, [])) if _is_restore(node)]
    last = statements[-1] if statements else None
    return isinstance(last, (ast.Expr, ast.Assign)) and calls == [last.value]


def _is_restore(node) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    if called == "run_line_magic" and node.args and isinstance(node.args[0], ast.Constant):
        return node.args[0].value == "restore"
    return called == "restore"
