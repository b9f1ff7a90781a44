"""Makes the pictures of README and docs/gallery.md: pages that versim writes, as Chromium shows them.

    python tools/gallery.py [CHROMIUM]     # or: make gallery

Each is a part of a page at a size; the page itself is made anew by the command that stands below its picture.
"""

# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import attrs

FOLDER = Path(__file__).parent.parent / "docs" / "assets" / "gallery"
MOST_BYTES = 150_000


@attrs.frozen
class Picture:
    """A part of a page.

    Attributes:
        name: Of the file.
        command: What writes the page, but for where.
        width: Of the screen, in pixels.
        height: Likewise.
        only: A selector; all else in the page's sections is left out. "" shows the page from its top.
        without: A selector of what is left out of that part, too.
        dark: As somebody sees it who prefers dark pages.
    """

    name: str
    command: str
    width: int
    height: int
    only: str = ""
    without: str = ""
    dark: bool = False


PICTURES = (
    Picture("page", "versim compare -o page.html", 1240, 740),
    Picture("terms", "versim compare -o page.html", 1240, 860, only=".figures", dark=True),
    Picture("timelines", "versim compare -o page.html", 1240, 400, only=".figures", without=".charts, .charts + p"),
    Picture("levels", "versim compare modes -o levels.html", 1240, 790),
    Picture("collectives", "versim collectives -f html -o collectives.html", 1240, 800, only="#sweep"),
)


def main(arguments: list[str]) -> None:
    """Write every picture."""
    chromium = arguments[0] if arguments else shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no Chromium on the path; name it: python tools/gallery.py PATH")
    FOLDER.mkdir(parents=True, exist_ok=True)
    scripts = Path(sysconfig.get_path("scripts"))
    with tempfile.TemporaryDirectory() as folder:
        for picture in PICTURES:
            words = picture.command.split()
            page = Path(folder) / words[-1]
            if not page.exists():
                subprocess.run([str(scripts / words[0]), *words[1:]], cwd=folder, check=True)  # noqa: S603 - versim itself
            shown = Path(folder) / "shown.html"
            shown.write_text(part_of(page.read_text("utf-8"), picture), "utf-8")
            target = FOLDER / f"{picture.name}.png"
            flags = ["--blink-settings=preferredColorScheme=0"] if picture.dark else []
            command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *flags]
            command += [f"--user-data-dir={folder}/profile", "--virtual-time-budget=8000"]
            command += [f"--window-size={picture.width},{picture.height}", f"--screenshot={target}", shown.as_uri()]
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a browser of the caller's
            size = target.stat().st_size
            print(f"{target.name}: {size:,} bytes")  # noqa: T201 - that is what it says
            if size > MOST_BYTES:
                raise SystemExit(f"{target.name} is larger than {MOST_BYTES:,} bytes; show less of the page")


def part_of(page: str, picture: Picture) -> str:
    """A page that shows one part of itself; styles may be added, scripts may not."""
    selector = picture.only
    if not selector:
        return page
    hidden = (
        "nav, header.top, footer, main > section:not(:first-of-type) { display: none; }"
        f"main > section:first-of-type:not({selector}) > *:not({selector}) {{ display: none; }}"
        f"{picture.without or '.nothing'} {{ display: none; }}"
    )
    return page.replace("</head>", f"<style>{hidden}</style></head>", 1)


if __name__ == "__main__":
    main(sys.argv[1:])
