"""The documentation as a site. build.sh runs Sphinx with this file on the pages that
stage.py has copied. Configuration only, and the index of terms."""

import re

from docutils import nodes
from sphinx import addnodes

project = "egraft"
copyright = "the egraft authors. Apache License 2.0"
extensions = ["myst_parser"]
root_doc = "index"
html_theme = "furo"
html_title = "egraft"
html_extra_path = ["extra"]
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = None
html_theme_options = {
    "source_repository": "https://github.com/egraft/egraft/",
    "source_branch": "main",
    "top_of_page_buttons": [],
    "light_css_variables": {"color-brand-primary": "#0b5c53", "color-brand-content": "#0b5c53"},
    "dark_css_variables": {"color-brand-primary": "#5fd0c0", "color-brand-content": "#5fd0c0"},
}
html_static_path = ["static"]
html_css_files = ["egraft.css"]
pygments_style = "friendly"
pygments_dark_style = "monokai"

# Anchors are GitHub's. A link to a missing anchor is an error.
myst_heading_anchors = 6
nitpicky = True
# YAML and JSON of the pages contain … for omissions.
suppress_warnings = ["misc.highlighting_failure"]

TERM = re.compile(r"[A-Za-z_-][\w.-]{2,60}")


def terms(app, doctree):
    """Lists in the index what a reader looks up: flags, fields, metrics, reasons, codes.
    They are what stands in code in the first column of a table, and headings in code."""
    page = app.env.current_document.docname
    if page in ("index", "CHANGELOG"):
        return
    for row in list(doctree.findall(nodes.row)):
        cell = row.children[0]
        literals = list(cell.findall(nodes.literal))
        for term in {n.astext() for n in literals if TERM.fullmatch(n.astext())}:
            entry(app, row, term)
    for section in list(doctree.findall(nodes.section)):
        title = section.children[0].astext()
        if re.fullmatch(r"EGR\d+|egraft [a-z ]+", title):
            entry(app, section, title)


def entry(app, node, term):
    """Adds a term to the index, which leads to the section of the node."""
    while not isinstance(node, nodes.section):
        node = node.parent
    index = addnodes.index(entries=[("single", term, node["ids"][0], "", None)])
    node.insert(1, index)
    app.env.domains["index"].entries.setdefault(app.env.current_document.docname, []).extend(index["entries"])


def setup(app):
    app.connect("doctree-read", terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
