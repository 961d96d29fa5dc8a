package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// page is the file that contains the tables, between lines with their names.
func page(docs string) string { return filepath.Join(docs, "performance.md") }

// render returns everything that is generated from the numbers, by path.
func (n *numbers) render(docs string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, t := range themes() {
		files[filepath.Join(docs, "images", "calls-"+t.name+".svg")] = n.drawCalls(t)
		files[filepath.Join(docs, "images", "gateway-"+t.name+".svg")] = n.drawGateway(t)
	}
	text, err := os.ReadFile(page(docs))
	if err != nil {
		return nil, err
	}
	content := string(text)
	for name, part := range map[string]string{
		"calls": n.callsTable(), "calls goals": n.callsGoals(), "policies": n.policiesTable(), "gateway": n.gatewayTable(), "gateway goals": n.gatewayGoals(),
		"machine": n.machine.String() + "\n",
	} {
		if content, err = replace(content, name, part); err != nil {
			return nil, fmt.Errorf("%s: %w", page(docs), err)
		}
	}
	files[page(docs)] = []byte(content)
	return files, nil
}

// replace inserts a part at its place in the page.
func replace(text, name, part string) (string, error) {
	begin, end := "<!-- begin: "+name+" -->\n", "<!-- end: "+name+" -->\n"
	before, rest, found := strings.Cut(text, begin)
	_, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		return "", fmt.Errorf("there is no place for %q", name)
	}
	return before + begin + part + end + after, nil
}
