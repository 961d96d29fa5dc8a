package main

import (
	"math"
	"strconv"
	"strings"
)

// panels are the cases that have a plot, and their titles.
var panels = []struct{ name, title string }{
	{"none-targeted", "Nothing targeted"},
	{"all-warm", "All targeted, unchanged since the last call"},
	{"one-changed", "One of them changed"},
	{"all-new", "All new"},
}

func servers() []string { return []string{"egraft", "echo", "plain", "example"} }

const (
	panelWidth, panelHeight = 350.0, 210.0
	panelLeft, panelTop     = 62.0, 100.0
	panelGapX, panelGapY    = 70.0, 78.0
	callsHeight             = 632
)

// drawCalls plots the time of a call over the number of clusters, both logarithmic.
func (n *numbers) drawCalls(t theme) []byte {
	c := &canvas{theme: t}
	c.heading(panelLeft-44, 28, "Time of one call of the Translation hook, by number of clusters")
	x := panelLeft - 44
	for _, server := range servers() {
		c.rect(x, 45, 14, 4, t.color(server))
		c.text(x+20, 52, 13, t.text, left, server)
		x += 100
	}
	span := n.span()
	for i, p := range panels {
		left, top := panelLeft+float64(i%2)*(panelWidth+panelGapX), panelTop+float64(i/2)*(panelHeight+panelGapY)
		n.drawPanel(c, axes{left: left, top: top, span: span}, p.name, p.title)
	}
	return c.document("Time of a call with egraft, a raw echo, plain generated types and Envoy Gateway's example", callsHeight)
}

// span is the range of the axes, as powers of ten: clusters and nanoseconds.
type span struct{ x1, y0, y1 float64 }

func (n *numbers) span() span {
	s := span{x1: 1, y0: math.Inf(1), y1: math.Inf(-1)}
	for _, c := range n.calls {
		s.x1 = max(s.x1, math.Log10(float64(c.Resources)))
		s.y0 = min(s.y0, math.Floor(math.Log10(float64(c.NsOp))))
		s.y1 = max(s.y1, math.Ceil(math.Log10(float64(c.NsOp))))
	}
	return s
}

// axes are the axes of a panel.
type axes struct {
	left, top float64
	span
}

func (a axes) at(resources int, ns int64) point {
	return point{
		a.left + panelWidth*math.Log10(float64(resources))/a.x1,
		a.top + panelHeight*(a.y1-math.Log10(float64(ns)))/(a.y1-a.y0),
	}
}

func (n *numbers) drawPanel(c *canvas, a axes, name, title string) {
	c.text(a.left, a.top-10, 13, c.theme.text, left, title)
	for power := a.y0; power <= a.y1; power++ {
		y := a.at(1, int64(math.Pow(10, power))).y
		c.line(a.left, y, a.left+panelWidth, y, c.grid)
		c.text(a.left-8, y+4, 11, c.muted, right, duration(math.Pow(10, power)))
	}
	for _, size := range n.resources(name) {
		x := a.at(size, 1).x
		c.line(x, a.top+panelHeight, x, a.top+panelHeight+4, c.muted)
		c.text(x, a.top+panelHeight+18, 11, c.muted, middle, thousands(size))
	}
	for i := range servers() {
		server := servers()[len(servers())-1-i] // egraft on top
		var points []point
		for _, size := range n.resources(name) {
			if m := n.call(name, size, server); m.NsOp > 0 {
				points = append(points, a.at(size, m.NsOp))
			}
		}
		c.curve(points, c.color(server))
	}
}

// duration writes a power of ten nanoseconds.
func duration(ns float64) string {
	for _, unit := range []struct {
		name string
		ns   float64
	}{{" s", 1e9}, {" ms", 1e6}, {" µs", 1e3}} {
		if ns >= unit.ns {
			return strconv.FormatFloat(ns/unit.ns, 'f', 0, 64) + unit.name
		}
	}
	return strconv.FormatFloat(ns, 'f', 0, 64) + " ns"
}

// thousands writes a number with commas.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, groups...), ",")
}
