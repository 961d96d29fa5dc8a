package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// theme has the colours of a page.
type theme struct {
	name, background, text, muted, grid string
	egraft, echo, plain, example        string
}

// themes are made for GitHub's backgrounds.
func themes() []theme {
	return []theme{
		{
			name: "light", background: "#ffffff", text: "#1f2328", muted: "#59636e", grid: "#d8dee4",
			egraft: "#0969da", echo: "#818b98", plain: "#c4510a", example: "#8250df",
		},
		{
			name: "dark", background: "#0d1117", text: "#f0f6fc", muted: "#9198a1", grid: "#2f353d",
			egraft: "#4493f8", echo: "#848d97", plain: "#f0883e", example: "#bc8cff",
		},
	}
}

// color returns the colour of a server.
func (t theme) color(server string) string {
	switch server {
	case "egraft":
		return t.egraft
	case "plain":
		return t.plain
	case "example":
		return t.example
	}
	return t.echo
}

// canvas is an SVG document that is being drawn.
type canvas struct {
	theme
	body bytes.Buffer
}

const width = 860

// Anchors of text.
const (
	left   = "start"
	middle = "middle"
	right  = "end"
)

// document ends the drawing. The title is for users who cannot see it.
func (c *canvas) document(title string, height int) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&out, "<title>%s</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"%s\"/>\n", escaped(title), c.background)
	out.Write(c.body.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes()
}

func (c *canvas) text(x, y float64, size int, color, anchor, text string) {
	fmt.Fprintf(&c.body, `<text x="%s" y="%s" font-size="%d" fill="%s" text-anchor="%s">%s</text>`+"\n", num(x), num(y), size, color, anchor, escaped(text))
}

func (c *canvas) heading(x, y float64, text string) {
	fmt.Fprintf(&c.body, `<text x="%s" y="%s" font-size="14" font-weight="600" fill="%s">%s</text>`+"\n", num(x), num(y), c.theme.text, escaped(text))
}

func (c *canvas) line(x1, y1, x2, y2 float64, color string) {
	fmt.Fprintf(&c.body, `<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s"/>`+"\n", num(x1), num(y1), num(x2), num(y2), color)
}

func (c *canvas) rect(x, y, w, h float64, color string) {
	fmt.Fprintf(&c.body, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s"/>`+"\n", num(x), num(y), num(w), num(h), color)
}

type point struct{ x, y float64 }

// curve joins points, with a mark on each.
func (c *canvas) curve(points []point, color string) {
	var list []string
	for _, p := range points {
		list = append(list, num(p.x)+","+num(p.y))
	}
	fmt.Fprintf(&c.body, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2" stroke-linejoin="round"/>`+"\n", strings.Join(list, " "), color)
	for _, p := range points {
		fmt.Fprintf(&c.body, `<circle cx="%s" cy="%s" r="3" fill="%s"/>`+"\n", num(p.x), num(p.y), color)
	}
}

// num formats a tenth of a pixel, so that the same numbers give the same bytes everywhere.
func num(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func escaped(text string) string {
	var out bytes.Buffer
	if err := xml.EscapeText(&out, []byte(text)); err != nil {
		return "" // writing to a buffer does not fail
	}
	return out.String()
}
