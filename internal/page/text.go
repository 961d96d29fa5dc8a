package page

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/explain"
)

// plain spells out what does not print: control characters, and those that change the direction of
// text, by which a name could look like another one.
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

// lines are those of a comparison.
func lines(r *diff.Result) (out []line, err error) {
	var b strings.Builder
	if err := r.Write(&b, ""); err != nil {
		return nil, err
	}
	class := ""
	for text := range strings.Lines(b.String()) {
		if !strings.HasPrefix(text, " ") { // a change, whose value follows
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

// oldAndNew is the column of the sign, if a changed value is printed in lines of its own.
const oldAndNew = 4

var classes = map[string]string{"+": "added", "-": "removed", "~": "changed"}

// subjectOf is how commands name a policy.
func subjectOf(p *explain.Policy) string {
	return strings.ToLower(p.Kind) + "/" + p.Namespace + "/" + p.Name
}

// command is what shows the same.
func command(name, subject string) string {
	return strings.TrimSpace("egraft " + name + " " + word(subject))
}

// fetch is the command for what the API answers on a path, at the address by which the page was asked.
func fetch(host, path string) string { return "curl -s " + word(host+path) }

// word is a text for a shell. It comes from tenants or from the address of the page, so it is quoted if
// a shell could take it for more than a word.
func word(text string) string {
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/.-_:", r) {
			return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
		}
	}
	return text
}

// stopped is the stage at which a policy stopped, nil if it is not known.
func stopped(p *explain.Policy) *explain.Stage {
	for i := range p.Stages {
		if p.Stages[i].Number == p.StoppedAt {
			return &p.Stages[i]
		}
	}
	return nil
}

// count is a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// size is a number of bytes for people.
func size(n int64) string {
	for _, unit := range []string{"bytes", "KiB", "MiB"} {
		if n < 1<<10 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n >>= 10
	}
	return fmt.Sprintf("%d GiB", n)
}

// ago is a duration for people.
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
