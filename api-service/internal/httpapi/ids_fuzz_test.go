package httpapi

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/authn"
	"redrive/pkg/webhook"
)

// emptyStore finds no delivery and checks that IDs are well-formed.
type emptyStore struct {
	DeliveryStore
	t *testing.T
}

func (s emptyStore) SizeDelivery(_ context.Context, organizationID, id string) (webhook.Sized, error) {
	require.Equal(s.t, organization, organizationID)
	require.NoError(s.t, webhook.CheckID(webhook.KindDelivery, id), "%q reached the database", id)
	return webhook.Sized{}, webhook.NotFound("delivery", id)
}

// oneKey finds the organization's key for every hash.
type oneKey struct{}

func (oneKey) FindIdentities(_ context.Context, hashes [][sha256.Size]byte) ([]webhook.Identity, []error) {
	key := webhook.APIKey{ID: "key_1", OrganizationID: organization, Scope: webhook.ScopeReadWrite}
	identity := webhook.Identity{Key: key, Organization: webhook.DefaultOrganization(organization)}
	return slices.Repeat([]webhook.Identity{identity}, len(hashes)), make([]error, len(hashes))
}

func (oneKey) FindOrganizations(_ context.Context, ids []string) ([]webhook.Organization, []error) {
	return make([]webhook.Organization, len(ids)), make([]error, len(ids))
}

// A malformed ID is refused and does not reach the database.
func FuzzIDs(f *testing.F) {
	valid := webhook.NewID(webhook.KindDelivery, time.Now())
	for _, id := range []string{"", valid, strings.ToLower(valid), valid + "/retry", "../" + valid, "\x00", "\xff", "a/b", "?", "#", "%2F", ";", "..", "events"} {
		f.Add(id, true)
		f.Add(url.PathEscape(id), false)
	}
	_, raw := webhook.NewAPIKey(webhook.APIKeySpec{}, webhook.Now())
	f.Fuzz(func(t *testing.T, id string, escape bool) {
		if escape {
			id = url.PathEscape(id)
		}
		target, err := url.Parse("http://localhost" + deliveries + "/" + id)
		if err != nil {
			return // net/http refuses it
		}
		handler := New(Dependencies{
			Deliveries: emptyStore{t: t}, Authenticator: authn.New(oneKey{}, unnoted{}, authn.Options{}), Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
		})
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, &http.Request{
			Method: http.MethodGet, URL: target, Header: http.Header{"Authorization": {"Bearer " + raw.Reveal()}}, Body: http.NoBody,
		})
		require.Contains(t, []int{400, 404, 405}, recorder.Code, "%s", recorder.Body)
		require.Contains(t, recorder.Body.String(), `"requestId":"req_`)
	})
}
