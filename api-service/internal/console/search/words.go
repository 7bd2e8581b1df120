package search

import (
	"net/url"
	"strings"

	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
	"redrive/pkg/webhook"
)

// findForOperator finds keys by their visible prefix, and organizations by ID or name.
func (p pages) findForOperator(q *web.Request, text string) ([]hit, error) {
	if strings.HasPrefix(text, "rdk_") || strings.HasPrefix(text, "rpk_") {
		return p.findKeys(q, text)
	}
	query := url.Values{"limit": {web.Count(mostOrganizations)}}
	if text != "" {
		query.Set("q", text)
	}
	if text != "" && !searchable(text) {
		return nil, nil
	}
	var found resource.List[resource.Organization]
	if err := q.GetAll("/v1/organizations", query, &found); err != nil {
		return nil, err
	}
	var hits []hit
	for _, o := range found.Items {
		if !o.DeletedAt.IsZero() {
			continue
		}
		name := o.ID
		if o.Name != "" && o.Name != o.ID {
			name += " (" + o.Name + ")"
		}
		one := hit{"Organization", name, q.Site.Path("o", o.ID, "overview")}
		if o.ID == text {
			return []hit{one}, nil
		}
		hits = append(hits, one)
	}
	return hits, nil
}

// findKeys finds keys by the characters of a raw key that are visible. The rest of a raw key is not looked at.
func (p pages) findKeys(q *web.Request, text string) ([]hit, error) {
	ctx, cancel := q.Timed()
	defer cancel()
	found, err := p.finder.ListAPIKeysByPrefix(ctx, text[:min(len(text), webhook.VisibleKeyChars)], most)
	if err != nil {
		return nil, err
	}
	var hits []hit
	for _, key := range found {
		if key.OrganizationID == "" {
			continue // a platform key has no page
		}
		hits = append(hits, hit{"API key", key.KeyPrefix + "… of " + key.OrganizationID + " (" + key.Name + ")", q.Site.Path("o", key.OrganizationID, "keys")})
	}
	return hits, nil
}

// inOrganization finds deliveries by the IDs of the workflow platform, and endpoints by their names.
func inOrganization(q *web.Request, organization, text string) ([]hit, error) {
	q.Organization.ID = organization
	var hits []hit
	for _, by := range []struct{ parameter, kind string }{{"runId", "Run"}, {"workflowId", "Workflow"}, {"executionId", "Execution"}} {
		var found resource.List[resource.Event]
		if err := q.Get(base+"/events", url.Values{by.parameter: {text}, "limit": {"1"}, "bodies": {"false"}}, &found); err != nil {
			if failure := web.FailureOf(err); failure != nil && failure.Status == 400 {
				continue // no such ID can exist
			}
			return nil, err
		}
		if len(found.Items) > 0 {
			hits = append(hits, hit{by.kind, text, q.ToWith(url.Values{by.parameter: {text}}, "deliveries")})
		}
	}
	if !searchable(text) {
		return hits, nil
	}
	var endpoints resource.List[resource.Endpoint]
	if err := q.Get(base, url.Values{"q": {text}, "limit": {web.Count(most)}}, &endpoints); err != nil {
		return nil, err
	}
	for _, endpoint := range endpoints.Items {
		hits = append(hits, hit{"Endpoint", endpoint.Name + " (" + endpoint.URL + ")", q.To("endpoints", endpoint.ID)})
	}
	return hits, nil
}

// searchable reports whether a name can begin with the text.
func searchable(text string) bool { return webhook.CheckSearch("q", text) == nil }
