"""The demo's screen, where nobody watches."""

from irsa.cli.render.demo import Screen


def test_a_file_gets_long_lines_whole(capsys):
    """Neither broken nor filled up with blanks: what was printed can be searched and copied."""
    screen = Screen()
    line = "✓ keep a back-up of " + "/etc/kubernetes" * 20
    screen.chapter("A beginning")
    screen.command("irsa issuer accept")
    screen.output(line)
    assert capsys.readouterr().err.splitlines() == [
        "",
        "1. A beginning  0 s",
        "   $ irsa issuer accept",
        f"     {line}",
    ]
