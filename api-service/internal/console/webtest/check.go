package webtest

import (
	"fmt"
	"slices"
	"strings"
)

// findings returns what would keep somebody from using the page by keyboard or with a screen reader, and what a hostile text has broken.
func (p *Page) findings() []string {
	found := p.checkHeadings()
	ids := map[string]bool{}
	for _, n := range p.nodes {
		id := n.attributes["id"]
		if id != "" && ids[id] {
			found = append(found, "two elements have the id "+id)
		}
		ids[id] = true
	}
	for _, n := range p.nodes {
		found = append(found, n.checkAttributes(ids)...)
		if finding := p.checkElement(n); finding != "" {
			found = append(found, finding)
		}
	}
	return found
}

func (p *Page) checkHeadings() (found []string) {
	last, ones := byte('0'), 0
	for _, n := range p.nodes {
		if len(n.name) != 2 || n.name[0] != 'h' || n.name[1] < '1' || n.name[1] > '6' {
			continue
		}
		if n.name == "h1" {
			ones++
		}
		if n.name[1] > last+1 {
			found = append(found, fmt.Sprintf("the heading %q is an %s after an h%c", n.text.String(), n.name, last))
		}
		last = n.name[1]
	}
	if ones != 1 {
		found = append(found, fmt.Sprintf("the page has %d headings of the first level", ones))
	}
	return found
}

func (n *node) checkAttributes(ids map[string]bool) (found []string) {
	for attribute, value := range n.attributes {
		switch attribute {
		case "style":
			found = append(found, n.name+" has a style of its own")
		case "for", "aria-labelledby", "aria-describedby":
			if !ids[value] {
				found = append(found, fmt.Sprintf("%s has %s=%q, and nothing has that id", n.name, attribute, value))
			}
		default:
			if strings.HasPrefix(attribute, "on") {
				found = append(found, n.name+" has a script in "+attribute)
			}
		}
	}
	return found
}

func (p *Page) checkElement(n *node) string {
	named := n.attributes["aria-label"] != ""
	switch n.name {
	case "script":
		if n.attributes["src"] == "" || n.text.Len() > 0 {
			return "the page has a script of its own: " + n.text.String()
		}
	case "th":
		if n.attributes["scope"] == "" {
			return fmt.Sprintf("the head %q of a table has no scope", n.text.String())
		}
	case "progress":
		if !named {
			return "a progress bar has no name"
		}
	case "a", "button":
		if !named && strings.TrimSpace(n.text.String()) == "" {
			return fmt.Sprintf("%s has no name: %v", n.name, n.attributes)
		}
	}
	if slices.Contains(fields, n.name) && n.attributes["type"] != "hidden" && !named && !p.labelled(n) {
		return fmt.Sprintf("the field %q has no label", n.attributes["name"])
	}
	return ""
}

func (p *Page) labelled(n *node) bool {
	return n.inside("label") || p.first(func(l *node) bool {
		return l.name == "label" && l.attributes["for"] != "" && l.attributes["for"] == n.attributes["id"]
	}) != nil
}
