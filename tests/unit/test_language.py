"""The words that docs/glossary.md replaced do not come back into code, messages, templates and docs."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SUFFIXES: Final = (".css", ".html", ".js", ".md", ".py", ".toml", ".yaml", ".yml")

# A word, and what makes a line right that has it: the same word in its everyday or technical sense.
WORDS: Final = {
    "threshold, not bar": (
        r"\bbars?\b",
        r"progress|[Bb]ar charts?|\baxes\.|plots\.bars|def bars|\"bars\"|[Bb]ars? (of|has|stands|are)|"
        r"bar\.\w+\(|each bar|the bars|Horizontal bars|Vertical bars|ProgressBar|Group\(bar|as bar|epoch bar|"
        r"(side|menu|tool|title|color)\s?bar|bar =|=bar\b|keeps the bar|show a bar|a bar without",
    ),
    "package, not room": (
        r"\brooms?\b",
        r"(?i)\broom for\b|\bis room\b|its room|have room|movielens/sample|\broom = |< room|, room - ",
    ),
    "baseline, not peer": (r"\bpeers?\b", r"\.peer\(\)"),
    "entry point, not front door": (r"\bfront[ _]doors?\b", r"(?!)"),
    "metric or number, not figure": (
        r"\bfigures?\b",
        r"\bfigure[.,:)]|figure =|matplotlib\.figure|figure class|</figure>|[Ff]igure \d|matplotlib figure|"
        r"Renders a figure",
    ),
    "'is not a', 'does not take': not 'is no', 'takes no'": (
        r"\b(?:is|was|are|were|takes?|knows?) no\b",
        r"[Tt]here (?:is|are|was|were) no\b|\bno (?:longer|more|better|less|other)\b|takes no time",
    ),
    "functions return, raise and report": (
        r"(?i)\bdef (?:\w+_)?(?:tells?|told|knows?|asks?|says?|said)(?:_\w+)?\(|"
        r"\b_?(?:tell|told|knows?|ask|say|says|said)(?:_\w+)? = ",
        r"(?!)",
    ),
    "unknown user, not stranger": (r"(?i)stranger", r'"Film-Noir": '),
    "depends on, is based on, follows": (
        r"(?i)\b(?:hangs? on|stands? on|goes by|go by|lives in|lives? on|at home|the door)\b",
        r"(?!)",
    ),
}


def tracked() -> list[Path]:
    """The text files of the project, without this one, the change log and the lock files."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [
        ROOT / name
        for name in names.splitlines()
        if (name.endswith(SUFFIXES) or name in ("Makefile", ".ci/run"))
        and not name.startswith("requirements/")
        and name not in ("CHANGELOG.md", "tests/unit/test_language.py")
        and (ROOT / name).is_file()
    ]


@pytest.mark.parametrize("rule", WORDS)
def test_words_of_the_glossary(rule: str) -> None:
    word, right = map(re.compile, WORDS[rule])
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if word.search(line) and not right.search(line)
    ]
    assert not found, f"{rule}:\n" + "\n".join(found)
