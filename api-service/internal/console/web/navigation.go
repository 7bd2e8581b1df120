package web

import "strings"

// Link is an entry of the navigation.
type Link struct {
	Name, Path string
	Current    bool
}

// sections are the entries of an organization's navigation, by their path.
var sections = []struct{ path, name string }{
	{"overview", "Overview"}, {"deliveries", "Deliveries"}, {"events", "Events"}, {"endpoints", "Endpoints"}, {"bulk-jobs", "Bulk jobs"}, {"keys", "API keys"},
}

// Navigation returns the entries for the session.
func (f Frame) Navigation() []Link {
	if f.Organization.ID == "" {
		return nil
	}
	var links []Link
	for _, section := range sections {
		if section.path == "keys" && f.Session.ByLink {
			continue
		}
		links = append(links, Link{section.name, f.To(section.path), section.path == f.Section()})
	}
	return links
}

// sectionOf returns the part of the path behind the organization.
func sectionOf(path, organizationID string) string {
	_, rest, found := strings.Cut(path, "/o/"+organizationID+"/")
	if !found {
		return ""
	}
	section, _, _ := strings.Cut(rest, "/")
	return section
}
