package page

import (
	"net/url"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/finding"
)

// address is the target of a link: a page, a call or the explanation of a code. Only the functions
// below make addresses, each below a fixed path. Tenants' text in it is escaped, so that it cannot
// change the target.
type address struct{ url string }

func subjectAt(subject string) address {
	return address{"/explain?subject=" + url.QueryEscape(subject)}
}

func callAt(id string) address { return address{"/api/v1/calls/" + url.PathEscape(id)} }

func link(to address, label any) g.Node { return h.A(h.Href(to.url), text(label)) }

// code returns a code, linked to its explanation if it has one.
func code(id string) g.Node {
	c, found := finding.ByID(id)
	if !found {
		return text(id)
	}
	return h.A(h.Href(c.Link()), h.Rel("noreferrer"), text(id))
}

// text escapes text. Everything that is not a constant is written through it.
func text(of any) g.Node { return g.Text(plain(of)) }

// document returns a whole page.
func document(title string, content ...g.Node) g.Node {
	return h.Doctype(h.HTML(h.Lang("en"), head(title), h.Body(
		h.A(h.Class("skip"), h.Href("#main"), g.Text("Skip to content")),
		h.Header(
			h.A(h.Class("name"), h.Href("/"), g.Text("egraft")),
			h.Nav(h.Aria("label", "Pages"), h.Ul(
				h.Li(h.A(h.Href("/"), g.Text("Overview"))), h.Li(h.A(h.Href("/explain"), g.Text("All policies"))),
			)),
		),
		h.Main(h.ID("main"), h.TabIndex("-1"), h.H1(text(title)), g.Group(content)),
		h.Footer(h.P(g.Text("Read-only, for this host. Secrets are not shown. Reload the page for new data."))),
	)))
}

func head(title string) g.Node {
	return h.Head(
		h.Meta(h.Charset("utf-8")),
		h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
		h.Meta(h.Name("color-scheme"), h.Content("light dark")),
		h.TitleEl(text(title)),
		h.Link(h.Rel("icon"), h.Href("data:,")),
		h.Link(h.Rel("stylesheet"), h.Href("/page.css")),
	)
}

// section returns a section with a heading.
func section(id, heading string, content ...g.Node) g.Node {
	return h.Section(h.Aria("labelledby", id), h.H2(h.ID(id), g.Text(heading)), g.Group(content))
}

// table returns a table that scrolls on its own if the screen is too narrow. Its last column has commands.
func table(label string, columns []string, rows ...g.Node) g.Node {
	header := g.Map(append(columns, "Command"), func(c string) g.Node { return h.Th(h.Scope("col"), g.Text(c)) })
	return h.Div(h.Class("scroll"), h.TabIndex("0"), h.Role("region"), h.Aria("label", label), h.Table(
		h.THead(h.Tr(header)), h.TBody(rows...),
	))
}

// answer returns the line to read first, in the style of a state.
func answer(state explain.State, content ...g.Node) g.Node {
	return h.P(h.Class("answer "+string(state)), g.Group(content))
}

// shell returns a command that shows the same information.
func shell(command string) g.Node {
	return h.P(h.Class("command"), h.Span(g.Text("Command:")), g.Text(" "), h.Code(text(command)))
}

// cell returns the command of a row.
func cell(command string) g.Node { return h.Td(h.Class("command"), h.Code(text(command))) }

// paragraph returns a paragraph with a text, nothing if it is empty.
func paragraph(of string) g.Node { return g.If(of != "", h.P(text(of))) }

func remedy(of string) g.Node { return g.If(of != "", h.P(h.Class("remedy"), text(of))) }

func findings(all []explain.Finding) g.Node {
	return g.Map(all, func(f explain.Finding) g.Node {
		return g.Group{h.P(g.If(f.Code != "", g.Group{code(f.Code), g.Text(" ")}), text(f.Message)), remedy(f.Remedy)}
	})
}

// since returns how long ago a time was, as people say it.
func (p *page) since(t time.Time) g.Node {
	return h.Time(h.DateTime(t.UTC().Format(time.RFC3339)), g.Text(ago(p.Now().Sub(t))))
}

// stateOf returns the state for ok or failed.
func stateOf(ok bool) explain.State {
	if ok {
		return explain.OK
	}
	return explain.Failed
}
