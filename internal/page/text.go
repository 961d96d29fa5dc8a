package page

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/explain"
)

// plain spells out unprintable characters: control characters, and those that change the text
// direction, which can make one name look like another.
func plain(text any) string {
	var b strings.Builder
	for _, r := range fmt.Sprint(text) {
		if unicode.IsPrint(r) || r == '\n' {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}

// line is a line of a comparison, with the class of its colour.
type line struct{ Class, Text string }

// lines returns the lines of a comparison.
func lines(r *diff.Result) (out []line, err error) {
	var b strings.Builder
	if err := r.Write(&b, ""); err != nil {
		return nil, err
	}
	class := ""
	for text := range strings.Lines(b.String()) {
		if !strings.HasPrefix(text, " ") { // a change; its value follows
			class = classes[text[:1]]
		}
		own := class
		if class == classes["~"] && len(text) > oldAndNew && text[0] == ' ' {
			own = classes[text[oldAndNew:oldAndNew+1]]
		}
		out = append(out, line{own, plain(text)})
	}
	return out, nil
}

// oldAndNew is the column of the sign if a changed value is printed on separate lines.
const oldAndNew = 4

var classes = map[string]string{"+": "added", "-": "removed", "~": "changed"}

// subjectOf returns the policy as commands name it.
func subjectOf(p *explain.Policy) string {
	return strings.ToLower(p.Kind) + "/" + p.Namespace + "/" + p.Name
}

// command returns the command that shows the same information.
func command(name, subject string) string {
	return strings.TrimSpace("egraft " + name + " " + word(subject))
}

// fetch returns the command that requests a path of the API, at the address of the page.
func fetch(host, path string) string { return "curl -s " + word(host+path) }

// word returns a text as one shell word. It comes from tenants or from the address of the page, so
// it is quoted if it has any special character.
func word(text string) string {
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/.-_:", r) {
			return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
		}
	}
	return text
}

// stopped returns the stage at which a policy stopped, nil if unknown.
func stopped(p *explain.Policy) *explain.Stage {
	for i := range p.Stages {
		if p.Stages[i].Number == p.StoppedAt {
			return &p.Stages[i]
		}
	}
	return nil
}

// count returns a number with a noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// size returns a number of bytes for people to read.
func size(n int64) string {
	for _, unit := range []string{"bytes", "KiB", "MiB"} {
		if n < 1<<10 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n >>= 10
	}
	return fmt.Sprintf("%d GiB", n)
}

// ago returns a duration for people to read.
func ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}
