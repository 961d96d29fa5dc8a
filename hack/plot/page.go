package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// page is where the tables go, between lines that name them.
func page(docs string) string { return filepath.Join(docs, "performance.md") }

// render makes everything that is made of the numbers, by path.
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

// replace puts a part where the page has a place for it.
func replace(text, name, part string) (string, error) {
	begin, end := "<!-- begin: "+name+" -->\n", "<!-- end: "+name+" -->\n"
	before, rest, found := strings.Cut(text, begin)
	_, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		return "", fmt.Errorf("there is no place for %q", name)
	}
	return before + begin + part + end + after, nil
}
