"""`maskwatch password`: the hash that the configuration wants."""

import sys

import click

MIN_LENGTH = 8


@click.command()
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from standard input.")
def password(from_stdin: bool) -> None:
    """Ask for a password and print its hash for [web] password_hash.

    The password itself is stored nowhere. Programs send it as 'Authorization: Bearer PASSWORD'.
    """
    from werkzeug.security import generate_password_hash

    text = _from_stdin() if from_stdin else _from_terminal()
    if len(text) < MIN_LENGTH:
        raise click.UsageError(f"the password needs {MIN_LENGTH} characters or more")
    click.echo(generate_password_hash(text, method="scrypt"))
    if not from_stdin:
        click.echo(
            'Put it into maskwatch.toml:  [web]  password_hash = "…"  (or into the environment as '
            "MASKWATCH_WEB__PASSWORD_HASH, in single quotes: it holds $ signs)",
            err=True,
        )


def _from_terminal() -> str:
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _from_stdin() -> str:
    return sys.stdin.readline().rstrip("\r\n")
