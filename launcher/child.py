"""Run a Python module, as `python -m` does, so that nothing it forks outlives it.

Celery's pool and granian's workers are forked by their masters. When a master is killed they would go on by
themselves; here each fork asks the kernel to be killed with its parent.
"""

import os
import runpy
import signal
import sys

from launcher.processes import die_with_parent


def main() -> None:
    parent = os.getpid()

    def remember_parent() -> None:
        nonlocal parent
        parent = os.getpid()

    os.register_at_fork(before=remember_parent, after_in_child=lambda: die_with_parent(parent, signal.SIGKILL))
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
