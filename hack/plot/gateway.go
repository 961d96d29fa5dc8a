package main

import (
	"fmt"
	"strings"
)

// described maps variants to their descriptions.
var described = map[string]string{
	"none":              "no extension server",
	"plain-clusters":    "plain server, clusters only",
	"plain-translation": "plain server, Translation hook",
	"echo":              "raw echo, hooks as for egraft",
	"echo-copies":       "raw echo with TLS copies",
	"egraft":            "egraft, no policy",
	"egraft-policy":     "egraft, with a policy",
	"plain-all":         "plain server, six hooks",
	"echo-all":          "raw echo, six hooks",
	"egraft-all":        "egraft, six hooks",
	"egraft-all-policy": "egraft, six hooks, a policy",
}

const (
	barHeight, barStep     = 14.0, 22.0
	barsLeft, barsWidth    = 206.0, 178.0
	snapshotLeft           = 518.0
	snapshotWidth          = 262.0
	gatewayTop, gatewayGap = 86.0, 52.0
)

// drawGateway draws two bars: the duration of Envoy Gateway's translation, with the part without an
// extension server marked, and the time until a change is in the snapshot.
func (n *numbers) drawGateway(t theme) []byte {
	c := &canvas{theme: t}
	c.heading(18, 28, "Envoy Gateway with one route changed")
	c.text(barsLeft, 50, 12, t.muted, left, "translation, and × without an extension server")
	c.text(snapshotLeft, 50, 12, t.muted, left, "from the change to the xDS snapshot")
	y := gatewayTop
	for _, routes := range n.routes() {
		c.text(18, y-6, 13, t.text, left, thousands(routes)+" routes")
		y = n.drawSize(c, y, n.of(routes)) + gatewayGap
	}
	return c.document("Time of Envoy Gateway's translation and from a change to the snapshot, by extension server", int(y-gatewayGap+30))
}

func (n *numbers) drawSize(c *canvas, y float64, list []translation) float64 {
	var none, longest, slowest float64
	for _, t := range list {
		if t.Variant == "none" {
			none = t.Median
		}
		longest, slowest = max(longest, t.Median), max(slowest, t.Snapshot)
	}
	y += 6
	for _, t := range list {
		color := c.color(strings.SplitN(t.Variant, "-", 2)[0])
		c.text(barsLeft-10, y+11, 12, c.theme.text, right, described[t.Variant])
		c.rect(barsLeft, y, barsWidth*min(none, t.Median)/longest, barHeight, c.echo)
		c.rect(barsLeft+barsWidth*none/longest, y, barsWidth*max(0, t.Median-none)/longest, barHeight, color)
		c.text(barsLeft+barsWidth*t.Median/longest+6, y+11, 11, c.muted, left, fmt.Sprintf("%s · ×%.2f", milliseconds(t.Median), n.ratio(t)))
		c.rect(snapshotLeft, y, snapshotWidth*t.Snapshot/slowest, barHeight, color)
		c.text(snapshotLeft+snapshotWidth*t.Snapshot/slowest+6, y+11, 11, c.muted, left, milliseconds(t.Snapshot))
		y += barStep
	}
	return y
}

// milliseconds formats a value with about three digits.
func milliseconds(ms float64) string {
	if ms < 100 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return thousands(int(ms+0.5)) + " ms"
}
