package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/egraft/egraft/internal/recording"
)

// printJournal prints the cost and the content of the journal.
func printJournal(ctx context.Context, w io.Writer, running []*server, all []measurement) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\ncase\tresources\tserver\tmedian\tegraft/this\tmiddle half of the rounds\tcpu")
	for _, m := range all {
		egraft := find(all, m.Case, m.Resources, "egraft")
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%.3f\t%s\t%s\n", m.Case, m.Resources, m.Server, ms(m.NsOp),
			float64(egraft.NsOp)/float64(m.NsOp), quartiles(m.rounds), ms(m.cpu.Nanoseconds()))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range running {
		u, err := s.usage(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s: %.0f MB resident\n", s.name, u.resident/1e6)
	}
	began := time.Now()
	r, err := recording.Fetch(ctx, http.DefaultTransport, running[0].admin, true)
	if err != nil {
		return err
	}
	u, err := running[0].usage(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "recording of the last translation: fetched and read in %s; a call of %.1f MB; %.0f calls in %.2f MB of journal\n",
		time.Since(began).Round(time.Millisecond), float64(r.Calls[len(r.Calls)-1].Bytes)/1e6, u.journalCalls, u.journal/1e6)
	return err
}

// quartiles returns the range of the middle half of the rounds.
func quartiles(d []time.Duration) string {
	sorted := slices.Sorted(slices.Values(d))
	return fmt.Sprintf("%s to %s", ms(sorted[len(sorted)/4].Nanoseconds()), ms(sorted[len(sorted)*3/4].Nanoseconds()))
}
