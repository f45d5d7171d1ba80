"""`python -m elasticpython -f CONNECTION_FILE`: the kernel inside this interpreter."""

import argparse
import os
import sys


def main() -> int:
    parser = argparse.ArgumentParser(prog="elasticpython", description="Runs the ElasticPython kernel.")
    parser.add_argument(
        "-f",
        dest="connection_file",
        required=True,
        metavar="CONNECTION_FILE",
        help="the file a Jupyter client writes for the kernel",
    )
    # Clients append arguments of their own: `jupyter run script.py` gives the script to the kernel as well.
    arguments, _ = parser.parse_known_args()
    # `python -m` puts the working directory first on the path; IPython adds "" itself, which follows
    # os.chdir.
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    from elasticpython import _core

    return _core.kernel.run(arguments.connection_file)


if __name__ == "__main__":
    sys.exit(main())
