"""`maskwatch password`: a hash that opens the pages, and never the password itself."""

from click.testing import CliRunner
from werkzeug.security import check_password_hash

from maskwatch.access import check_access
from maskwatch.cli import cli
from maskwatch.config import Settings, WebSettings

PASSWORD = "correct horse battery"


def test_the_hash_fits_the_password_and_the_configuration_takes_it() -> None:
    done = CliRunner().invoke(cli, ["password"], input=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0
    assert PASSWORD not in done.output
    hashed = done.stdout.splitlines()[-1]
    assert check_password_hash(hashed, PASSWORD)
    web = WebSettings(host="0.0.0.0", password_hash=hashed)  # noqa: S104
    check_access(Settings().with_changes(web=web))


def test_a_script_gets_the_hash_and_nothing_else() -> None:
    done = CliRunner().invoke(cli, ["password", "--stdin"], input=f"{PASSWORD}\n")
    assert done.exit_code == 0
    assert done.output.count("\n") == 1
    assert check_password_hash(done.output.strip(), PASSWORD)


def test_a_short_password_is_refused() -> None:
    done = CliRunner().invoke(cli, ["password", "--stdin"], input="hunter2\n")
    assert done.exit_code == 2
    assert "8 characters" in done.output
    assert "hunter2" not in done.output
