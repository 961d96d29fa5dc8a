package main

import (
	"fmt"
	"iter"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/egraft/egraft/e2e/matrix"
)

// The table is between these lines.
const (
	begin = "<!-- begin: matrix -->\n"
	end   = "<!-- end: matrix -->\n"
)

func values(r results) iter.Seq[outcome] { return maps.Values(r) }

// row is a row of the table.
type row struct {
	cell matrix.Cell
	results
	date string
}

// String returns the row in Markdown.
func (r row) String() string {
	out := "| " + key(r.cell) + " | "
	for _, f := range matrix.Features() {
		out += string(r.results[f.ID]) + " | "
	}
	return out + r.date + " |\n"
}

// key returns the first columns, which identify a row.
func key(c matrix.Cell) string {
	return strings.Join([]string{c.EnvoyGateway, c.Envoy, c.Provider(), string(c.Option)}, " | ")
}

func heading() string {
	out, line := "| Envoy Gateway | Envoy | provider | options | ", "|---|---|---|---|"
	for _, f := range matrix.Features() {
		out += f.Title + " | "
		line += "---|"
	}
	return out + "run |\n" + line + "---|\n"
}

// parsed reads the table of a page. Cells without a row are marked as not run.
func parsed(page string) (before, after string, rows []row, err error) {
	before, rest, found := strings.Cut(page, begin)
	text, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		return "", "", nil, fmt.Errorf("there are no lines %q and %q", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	for _, c := range matrix.Cells() {
		r := row{c, results{}, ""}
		for _, f := range matrix.Features() {
			if r.results[f.ID] = notRun; !c.Has(f) {
				r.results[f.ID] = noPart
			}
		}
		for line := range strings.Lines(text) {
			if told, ok := strings.CutPrefix(strings.TrimSpace(line), "| "+key(c)+" | "); ok {
				r.take(strings.Split(strings.TrimSuffix(told, " |"), " | "))
			}
		}
		rows = append(rows, r)
	}
	return before, after, rows, nil
}

// take copies the results from the columns of a line.
func (r *row) take(columns []string) {
	features := matrix.Features()
	if len(columns) != len(features)+1 {
		return // of a different table: the cell must be run again
	}
	for i, f := range features {
		r.results[f.ID] = outcome(columns[i])
	}
	r.date = strings.TrimSpace(columns[len(features)])
}

// written returns the page with the rows.
func written(before, after string, rows []row) string {
	out := before + begin + heading()
	for _, r := range rows {
		out += r.String()
	}
	return out + end + after
}

// record writes the results of a cell to a page.
func record(path string, c matrix.Cell, r results, at time.Time) error {
	return update(path, func(rows []row) {
		for i := range rows {
			if rows[i].cell == c {
				rows[i].results, rows[i].date = r, at.UTC().Format(time.DateOnly)
			}
		}
	})
}

// update changes the rows of a page.
func update(path string, change func([]row)) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the table: %w", err)
	}
	before, after, rows, err := parsed(string(page))
	if err != nil {
		return fmt.Errorf("read the table of %s: %w", path, err)
	}
	change(rows)
	if err := os.WriteFile(path, []byte(written(before, after, rows)), 0o644); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}
