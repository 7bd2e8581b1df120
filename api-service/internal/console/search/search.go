package search

import (
	"context"
	"embed"
	"net/http"
	"net/url"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

//go:embed *.html
var files embed.FS

var page = web.Parse(files, "search.html")

// base is the API's path of an organization's webhooks.
const base = "/v1/execution-webhooks"

// Finder finds what the API has no route for.
type Finder interface {
	// FindDeliveryOfAttempt returns the delivery of an attempt of the organization. The error has the code not_found if there is none.
	FindDeliveryOfAttempt(ctx context.Context, organizationID, attemptID string) (string, error)
	// ListAPIKeysByPrefix returns the keys of all organizations whose visible prefix begins with the text, at most limit.
	ListAPIKeysByPrefix(ctx context.Context, prefix string, limit int) ([]webhook.APIKey, error)
}

// pages search.
type pages struct{ finder Finder }

// Routes returns the page of the search.
func Routes(finder Finder) []web.Route {
	return []web.Route{{Method: http.MethodGet, Path: "/search", For: web.Signed, Handle: pages{finder}.show}}
}

// hit is a page that was found.
type hit struct{ Kind, Name, Path string }

type view struct {
	Text string
	Hits []hit
}

const (
	// most is how many keys and endpoints are shown.
	most = 20
	// mostOrganizations is how many organizations are shown.
	mostOrganizations = 100
)

// show leads to the page of the only hit, or lists several.
func (p pages) show(q *web.Request) error {
	text := q.Query("q")
	hits, err := p.find(q, text)
	if err != nil {
		return err
	}
	if len(hits) == 1 {
		return q.Redirect(hits[0].Path)
	}
	return q.Show(page, "Search", view{text, hits})
}

func (p pages) find(q *web.Request, text string) ([]hit, error) {
	if len(text) > 200 || text == "" && !q.Session.Operator() {
		return nil, nil
	}
	if kind, isID := webhook.KindOf(text); isID {
		return p.findID(q, kind, text)
	}
	if q.Session.Operator() {
		found, err := p.findForOperator(q, text)
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	organization, err := p.organization(q)
	if organization == "" || err != nil {
		return nil, err
	}
	return inOrganization(q, organization, text)
}

// findID finds the page of an ID. The operator need not know whose it is.
func (p pages) findID(q *web.Request, kind webhook.Kind, id string) ([]hit, error) {
	organization := q.Session.Organization.ID
	if q.Session.Operator() {
		var found resource.List[resource.Found]
		if err := q.GetAll("/v1/lookup", url.Values{"id": {id}}, &found); err != nil {
			return nil, err
		}
		if len(found.Items) == 0 || found.Items[0].OrganizationID == "" {
			return nil, nil
		}
		organization = found.Items[0].OrganizationID
	}
	if kind == webhook.KindAttempt {
		ctx, cancel := q.Timed()
		defer cancel()
		delivery, err := p.finder.FindDeliveryOfAttempt(ctx, organization, id)
		switch {
		case webhook.CodeOf(err) == webhook.CodeNotFound:
			return nil, nil
		case err != nil:
			return nil, err
		}
		return []hit{{"Delivery", delivery, q.Site.Path("o", organization, "deliveries", delivery)}}, nil
	}
	section, known := sections[kind]
	if !known {
		return nil, nil
	}
	if !q.Session.Operator() {
		if found, err := exists(q, section, id); !found || err != nil {
			return nil, err
		}
	}
	return []hit{{section.name, id, q.Site.Path(append([]string{"o", organization}, section.parts(id)...)...)}}, nil
}

// section is where the pages of a kind are.
type section struct {
	name, path string
	// api is the API's path of the resources, or "".
	api string
	// alone says that the kind has a list and no page for each of it.
	alone bool
}

func (s section) parts(id string) []string {
	if s.alone {
		return []string{s.path}
	}
	return []string{s.path, id}
}

var sections = map[webhook.Kind]section{
	webhook.KindDelivery: {name: "Delivery", path: "deliveries", api: base + "/deliveries"},
	webhook.KindEvent:    {name: "Event", path: "events", api: base + "/events"},
	webhook.KindEndpoint: {name: "Endpoint", path: "endpoints", api: base},
	webhook.KindBulkJob:  {name: "Bulk job", path: "bulk-jobs", api: base + "/bulk-jobs"},
	webhook.KindAPIKey:   {name: "API key", path: "keys", api: "/v1/api-keys", alone: true},
}

// exists reports whether the session's organization has the resource.
func exists(q *web.Request, s section, id string) (bool, error) {
	q.Organization = q.Session.Organization
	return q.Probe(s.api + "/" + id)
}

// organization returns the organization that a search without an ID is in: the session's, or the one whose page the search was made on.
func (p pages) organization(q *web.Request) (string, error) {
	if !q.Session.Operator() {
		return q.Session.Organization.ID, nil
	}
	named := q.Query("organization")
	if named == "" {
		return "", nil
	}
	return named, q.Enter(named)
}
