"""100 commands, one operation each."""

from pyinfra.operations import server

for number in range(100):
    server.shell(name=f"command {number}", commands=[f"/bin/echo {number}"])
