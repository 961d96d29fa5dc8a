"""Copies the pages that docs/README.md lists to a folder for Sphinx: README.md becomes the
index with the contents of the site, and links to what is no page lead to the repository.

It fails on links of any Markdown file of the repository to files or headings that do not
exist, and on addresses of the repository in other files."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

from markdown_it import MarkdownIt

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEB = "https://github.com/egraft/egraft"
LINK = re.compile(r"(\]\(|(?:src|srcset|href)=\")([^)\"\s]+)")
ADDRESS = re.compile(re.escape(WEB) + r"/(?:blob|tree)/main/([\w./-]+?)(?:#([\w-]+))?(?=[^\w./#-]|\.?$|\.\s)", re.M)


def tracked(*patterns):
    """The files that git has or would add."""
    out = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
                         check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in out.split("\0") if name and (ROOT / name).is_file()]


def anchors(page, cache={}):
    """The anchors that GitHub gives the headings of a page."""
    if page not in cache:
        found, tokens = {}, MarkdownIt().enable("table").parse(page.read_text())
        for token, inline in zip(tokens, tokens[1:]):
            if token.type == "heading_open":
                text = "".join(t.content for t in inline.children if t.type in ("text", "code_inline"))
                slug = re.sub(r"[^\w -]", "", text.strip().lower()).replace(" ", "-")
                found[slug] = found.get(slug, -1) + 1
        cache[page] = {f"{s}-{i}" if i else s for s, n in found.items() for i in range(n + 1)}
    return cache[page]


def destinations(page):
    """The destinations of the links and pictures of a page."""
    for token in MarkdownIt().enable("table").parse(page.read_text()):
        for part in [token, *(token.children or [])]:
            yield from filter(None, (part.attrs.get("href"), part.attrs.get("src")))
            if part.type.startswith("html"):
                yield from re.findall(r'(?:src|srcset|href)="([^"]+)"', part.content)


def check(file, path, anchor):
    """Says what is wrong with a link to a path and an anchor of this repository."""
    if not path.resolve().is_relative_to(ROOT) or not path.exists():
        return f"{file.relative_to(ROOT)}: no file {os.path.relpath(path, ROOT)}"
    if path.is_dir() and (path / "README.md").exists():
        path /= "README.md"
    if anchor and path.suffix == ".md" and anchor not in anchors(path.resolve()):
        return f"{file.relative_to(ROOT)}: no heading #{anchor} in {path.resolve().relative_to(ROOT)}"
    return None


def broken():
    """Lists the links that lead nowhere."""
    for page in tracked("*.md"):
        if "testdata" in page.parts: # of programs
            continue
        for to in destinations(page):
            if re.match(r"[a-z]+:", to):
                continue
            path, _, anchor = to.partition("#")
            yield check(page, page.parent / path if path else page, anchor)
    for file in tracked("*.go", "*.yaml", "*.yml", "*.json", "*.md", "*.sh"):
        for match in ADDRESS.finditer(file.read_text()):
            if not re.search(r"testdata/|test/|_test\.go$", str(file)):
                yield check(file, ROOT / match[1], match[2])


def contents():
    """The sections of docs/README.md, each with the titles and files of its links."""
    sections, page = {}, ROOT / "docs/README.md"
    for line in page.read_text().splitlines():
        if line.startswith("## "):
            section = sections.setdefault(line[3:], [])
        elif match := re.match(r"- \[(.+)\]\((.+)\)$", line):
            path, _, anchor = match[2].partition("#")
            section.append((match[1], (page.parent / path).resolve(), anchor))
    return sections


def place(page):
    """Where a page is on the site."""
    return "index.md" if page == ROOT / "README.md" else str(page.relative_to(ROOT))


def rewrite(page, pages):
    """The text of a page for the site."""
    def link(match):
        if re.match(r"[a-z]+:|#", match[2]):
            return match[0]
        path, _, anchor = match[2].partition("#")
        to, anchor = (page.parent / path).resolve(), anchor and "#" + anchor
        if to.is_dir() and to / "README.md" in pages:
            to = to / "README.md"
        if to in pages:
            up = "../" * (len(pathlib.PurePath(place(page)).parts) - 1)
            return match[1] + up + place(to) + anchor
        if to.suffix == ".svg":
            return match[0]
        return f"{match[1]}{WEB}/{'tree' if to.is_dir() else 'blob'}/main/{to.relative_to(ROOT)}{anchor}"
    parts = re.split(r"(^```.*?^```$)", page.read_text(), flags=re.M | re.S)
    return "".join(LINK.sub(link, part) if i % 2 == 0 else part for i, part in enumerate(parts))


def toctree(sections):
    for title, links in sections.items():
        yield "\n```{toctree}\n:hidden:\n:caption: " + title + "\n"
        for text, page, anchor in links:
            yield f"{text} <{'self' if place(page) == 'index.md' else place(page).removesuffix('.md')}>"
        if title == "Reference":
            yield "Index of terms <genindex>"
        yield "```\n"


def main(target):
    if wrong := sorted({message for message in broken() if message}):
        sys.exit("site: links lead nowhere\n" + "\n".join(wrong))
    sections = contents()
    pages = {page for links in sections.values() for _, page, _ in links}
    if missing := [str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").glob("*.md")) if p not in pages and p.name != "README.md"]:
        sys.exit("site: docs/README.md does not list " + ", ".join(missing))
    for page in pages:
        file = target / place(page)
        file.parent.mkdir(parents=True, exist_ok=True)
        text = rewrite(page, pages)
        if place(page) == "index.md":
            text += "\n".join(toctree(sections))
        file.write_text(text)
    shutil.copytree(ROOT / "docs/images", target / "extra/docs/images")
    shutil.copytree(ROOT / "hack/site/static", target / "static")
    shutil.copy(ROOT / "hack/site/conf.py", target)


main(pathlib.Path(sys.argv[1]))
