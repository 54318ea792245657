"""200 operations that make files and folders."""

from io import StringIO

from pyinfra.operations import files

files.directory(path="/root/bench-files", mode="755")
for number in range(199):
    if number % 2:
        files.put(src=StringIO(f"file {number}\n"), dest=f"/root/bench-files/file-{number}", mode="644")
    else:
        files.directory(path=f"/root/bench-files/folder-{number}", mode="755")
