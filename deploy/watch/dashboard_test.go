package watch_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	dashboardPath = repository + "/deploy/grafana/dashboards/redrive.json"
	// dashboardHost is the beginning of a link to a guide. It is raw, because Grafana would escape the address otherwise.
	dashboardHost = "${redrive_url:raw}"
)

type dashboard struct {
	ID         *int
	Panels     []panel
	Links      []dashboardLink
	Templating struct{ List []variable }
}

type panel struct {
	Title, Type string
	Datasource  *struct{ Type, UID string }
	Targets     []struct{ Expr string }
	Links       []dashboardLink
	FieldConfig struct {
		Defaults struct {
			Thresholds struct{ Steps []json.RawMessage }
		}
	}
}

type dashboardLink struct{ Title, URL string }

type variable struct {
	Name, Type string
	Query      any
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile(dashboardPath)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &d))
	return d
}

// panels returns the panels that have a query.
func (d dashboard) panels() (panels []panel) {
	for _, p := range d.Panels {
		if p.Type != "row" {
			panels = append(panels, p)
		}
	}
	return panels
}

// links returns the links of the dashboard and of its panels.
func (d dashboard) links() []dashboardLink {
	links := d.Links
	for _, p := range d.panels() {
		links = append(links, p.Links...)
	}
	return links
}

// uids returns the places in a document that have a UID, with the UIDs.
func uids(path string, node any) map[string]string {
	found := map[string]string{}
	collect := func(key string, child any) {
		if text, is := child.(string); is && (key == "uid" || key == "datasource") {
			found[path+"."+key] = text
		}
		for at, uid := range uids(path+"."+key, child) {
			found[at] = uid
		}
	}
	switch x := node.(type) {
	case map[string]any:
		for key, child := range x {
			collect(key, child)
		}
	case []any:
		for _, child := range x {
			collect("[]", child)
		}
	}
	return found
}

// TestDashboardNamesNoDatasource checks that the dashboard can be imported: it has no UID but its own.
func TestDashboardNamesNoDatasource(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(dashboardPath)
	require.NoError(t, err)
	var content any
	require.NoError(t, json.Unmarshal(text, &content))
	found := uids("", content)
	assert.Equal(t, "redrive", found[".uid"])
	delete(found, ".uid")
	assert.NotEmpty(t, found)
	for path, uid := range found {
		assert.Equal(t, "${datasource}", uid, path)
	}
	d := readDashboard(t)
	assert.Nil(t, d.ID, "another Grafana would take it for a dashboard of its own")
	for _, p := range d.panels() {
		require.NotNil(t, p.Datasource, p.Title)
		assert.Equal(t, "prometheus", p.Datasource.Type, p.Title)
	}
}

// TestDashboardUsesItsVariables checks that used variables are defined and defined variables are used.
func TestDashboardUsesItsVariables(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(dashboardPath)
	require.NoError(t, err)
	used := map[string]bool{}
	for _, match := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(match[1], "__") { // Grafana's own
			used[match[1]] = true
		}
	}
	defined, kinds := map[string]bool{}, map[string]string{}
	for _, v := range readDashboard(t).Templating.List {
		defined[v.Name], kinds[v.Name] = true, v.Type
	}
	assert.Equal(t, used, defined)
	assert.Equal(t, map[string]string{"datasource": "datasource", "instance": "query", "redrive_url": "textbox"}, kinds)
}

// TestDashboardPanelsLinkToTheRunbook checks that queries select the chosen instance, that single numbers have thresholds, and that panels link
// to the runbook.
func TestDashboardPanelsLinkToTheRunbook(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	assert.NotEmpty(t, d.Links)
	linked, levels := 0, 0
	for _, p := range d.panels() {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			if !strings.Contains(target.Expr, "ALERTS{") {
				assert.Equal(t, strings.Count(target.Expr, "{"), strings.Count(target.Expr, `instance=~"$instance"`), "%s: %s", p.Title, target.Expr)
				assert.Contains(t, target.Expr, "{", p.Title)
			}
		}
		for _, link := range p.Links {
			assert.True(t, strings.HasPrefix(link.URL, dashboardHost+"/docs/guides/"), "%s: %s", p.Title, link.URL)
		}
		if len(p.Links) > 0 {
			linked++
		}
		if p.Type == "stat" {
			assert.NotEmpty(t, p.FieldConfig.Defaults.Thresholds.Steps, p.Title)
			assert.NotEmpty(t, p.Links, p.Title)
		}
		if len(p.FieldConfig.Defaults.Thresholds.Steps) > 1 {
			levels++
		}
	}
	assert.Greater(t, linked, 2*len(d.panels())/3)
	assert.Greater(t, levels, len(d.panels())/3)
}
