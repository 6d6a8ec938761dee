import subprocess
import sys


def test_files_load_neither_django_nor_celery():
    code = (
        "import sys, bureau.files, bureau.files.shared, bureau.files.writing, settlement.invoice_numbers;"
        "print(sorted({'django', 'celery', 'psycopg'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
