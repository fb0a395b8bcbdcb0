import typer

from simulators.cli import simulate

if __name__ == "__main__":
    typer.run(simulate)
