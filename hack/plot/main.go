// Command plot makes the plots and tables of docs/performance.md from measurements by `make bench`,
// `make bench-policies` and `make bench-gateway`. If a directory is given, it first copies the
// numbers from there; otherwise it uses those in docs/performance. The same numbers give the same
// bytes.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	set := flag.NewFlagSet("plot", flag.ContinueOnError)
	from := set.String("from", "", "directory with bench.json, bench-policies.json and bench-gateway.json, measured on this machine")
	docs := set.String("docs", "docs", "directory of the documents")
	if err := set.Parse(args); err != nil {
		return err
	}
	if *from != "" {
		if err := copyNumbers(*from, *docs); err != nil {
			return err
		}
	}
	n, err := load(*docs)
	if err != nil {
		return err
	}
	files, err := n.render(*docs)
	if err != nil {
		return err
	}
	for path, content := range files {
		if err := write(path, content); err != nil {
			return err
		}
	}
	return nil
}
