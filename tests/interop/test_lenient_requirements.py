"""Requirements with faults, as old packages have them: read, left out or refused as the real uv does it."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.campaigns.packages import Case
from tests.campaigns.registry import Registry, Release
from tests.campaigns.resolvers import Ours, uv_pins

SEED = 15
VERSIONS = ("0.5", "1.0", "1.9", "1.20", "3.0", "5.0", "7.3", "8.0", "9.0")
#: What a requirement on a project is, without the project's name.
TEXTS = (
    " (>=1.19.*)",
    " (> dev)",
    " (>dev)",
    " (>=7.2.0<8.0.0)",
    "<8>=1.9",
    " (!=~9.0,>=1)",
    " (!=~9,>=1)",
    " (>=1,!=9.0*,!=8.0*)",
    " >=3,",
    "<=7.*",
    "<7.3.*",
    ">=1.0,<8.0',",
    ' ">=1.19"; python_version >= "3.7"',
    "<9.0.0a1.0",
    "==1.0.0.dev",
    "==2004d",
    "~=1.0.*",
    ">=1.*,<1.9.*",
    "=>1.0",
    "= 1.0",
    ">= 1.0, <= 1.9 ,",
    "<8.x",
    "<8.0.0;python_version>='2.7'<'4'",
    "==1.9 ; python_version >= '3.7.*'",
    "==1.9 ; python_version < '3.7.*'",
    "==1.9 ; python_version < '3.7.*' and sys_platform == 'win32'",
    "==1.9 ; python_version < '3.7.*' or sys_platform == 'win32'",
    "==1.9 ; (python_version < '3.7.*' or os_name ~= 'x') and sys_platform != 'win32'",
    "==1.9 ; python_version < 'three' or (os_name ~= 'x')",
    "==1.9 ; 'a' == 'b'",
    "==1.9 ; python_version == python_full_version",
    "==1.9 ; '3.*' == python_version",
    "==1.9 ; '3.6' <= python_version",
    "==1.9 ; '3.99' <= python_version",
    "==1.9 ; implementation_version < 'x'",
    "==1.9 ; python_version in '3.7 3.8'",
    "==1.9 ; python_version not in '3.7 3.8'",
    "==1.9 ; no_such_marker == 'x'",
    "==1.9 ; python_version",
    "==1.9 ; python_version == 3.11",
    "==1.9 ; os.name != 'nt'",
    "==1.9 ; python_implementation == 'CPython'",
    "[x,]==1.9",
    " (1.9)",
    " 1.9",
)


def random_text(chance: Random) -> str:
    """One to three specifiers, well or badly written, and badly joined now and then."""
    parts = []
    for _ in range(chance.randint(1, 3)):
        operator = chance.choice(("<", "<=", ">", ">=", "==", "!=", "~=", "!=~", ">", "<"))
        version = chance.choice(("1.0", "1.9", "3", "8.0", "9", "7.3.0", "dev", "5.0a1"))
        parts.append(
            operator + chance.choice(("", "", " ")) + version + chance.choice(("", "", ".*", "*", ".0"))
        )
    text = chance.choice((",", ",", " ", "", ", ")).join(parts) + chance.choice(("", "", ",", "'", '"'))
    return chance.choice((text, f" ({text})"))


def test_faulty_requirements_are_read_as_uv_reads_them(tmp_path: Path) -> None:
    """Version 2.0 of each package has the fault, version 1.0 has no requirement: so a refusal shows, too."""
    chance = Random(SEED)
    texts = [*TEXTS, *(random_text(chance) for _ in range(150))]
    with Registry() as registry:
        for number, text in enumerate(texts):
            registry.add(Release(f"p{number}", "1.0"))
            registry.add(Release(f"p{number}", "2.0", (f"d{number}{text}",)))
            for version in VERSIONS:
                registry.add(Release(f"d{number}", version))
        ours = Ours(registry.url, tmp_path)
        different = []
        for number, text in enumerate(texts):
            case = Case(number, {}, (f"p{number}",), (), frozenset(), pre=False)
            mine, theirs = ours.pins(case)[0], uv_pins(case, registry.url, tmp_path)[0]
            if mine != theirs:
                different.append(f"{text!r}: uv {theirs}, ours {mine}")
        ours.close()
    assert not different, "\n".join(different)
