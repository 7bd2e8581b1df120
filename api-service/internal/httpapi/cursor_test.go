package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

// walk reads a list page by page and returns the IDs of its items. It calls between after each page.
func (s *service) walk(t *testing.T, path, key string, between func()) (ids []string) {
	t.Helper()
	for next := ""; ; {
		data := granted(t, s.call(t, "GET", path+next, key, ""))
		assert.EqualValues(t, 0, data["offset"])
		for _, item := range data["items"].([]any) {
			ids = append(ids, item.(map[string]any)["id"].(string))
		}
		cursor, continues := data["nextCursor"].(string)
		require.Equal(t, data["hasMore"], continues, "nextCursor is there exactly when hasMore is true")
		if !continues {
			return ids
		}
		next = "&cursor=" + url.QueryEscape(cursor)
		between()
	}
}

func TestCursorWalkReturnsEachItemOnce(t *testing.T) {
	s := newService(t).withKeys(t)
	var endpoints []string
	for range 5 {
		id, _ := s.endpoint(t, s.writer)
		endpoints = append(endpoints, id)
	}
	first := s.delivery(t, s.writer)
	record, err := s.store.FindDelivery(t.Context(), organization, first)
	require.NoError(t, err)
	for range 3 {
		s.attempted(t, first)
	}
	for path, want := range map[string]int{
		base: 5, keys: 2, deliveries: 5, deliveries + "/" + first + "/attempts": 3, deliveries + "?endpointId=" + record.Delivery.EndpointID: 1,
	} {
		join := "?"
		if strings.Contains(path, "?") {
			join = "&"
		}
		all := s.walk(t, path+join+"limit=100", s.reader, func() {})
		require.Len(t, all, want, path)
		for _, limit := range []int{1, 2, 3} {
			assert.Equal(t, all, s.walk(t, fmt.Sprintf("%s%slimit=%d", path, join, limit), s.reader, func() {}), path)
		}
	}
	assert.Len(t, endpoints, 5)
}

// attempted records an attempt that failed.
func (s *service) attempted(t *testing.T, id string) {
	t.Helper()
	dispatch, err := s.store.LoadDispatch(t.Context(), id)
	require.NoError(t, err)
	now := webhook.Now()
	outcome, err := webhook.Policy{}.Decide(dispatch.Delivery, webhook.Result{StartedAt: now, ResponseStatus: 500, ResponseBody: []byte("answer")}, now)
	require.NoError(t, err)
	_, err = s.store.RecordOutcome(t.Context(), outcome)
	require.NoError(t, err)
}

// A walk over 10,000 deliveries returns each of them exactly once, while 1,000 others are inserted and 1,000 change their state.
func TestCursorWalkDuringChangesReturnsEachOnce(t *testing.T) {
	s := newService(t).withKeys(t)
	endpoint := s.bulkEndpoint(t)
	existing := s.bulk(t, endpoint, 10_000)
	const pages = 100
	page := 0
	walked := s.walk(t, deliveries+"?limit=100&bodies=false", s.reader, func() {
		s.bulk(t, endpoint, 1_000/pages)
		for _, id := range existing[page*100 : page*100+1_000/pages] { // the page that was just read is at the other end
			s.fail(t, id)
		}
		page++
	})
	seen := map[string]int{}
	for _, id := range walked {
		seen[id]++
	}
	for _, id := range existing {
		require.Equal(t, 1, seen[id], id)
	}
	assert.Len(t, seen, len(walked), "no item occurs twice")
	assert.Len(t, walked, len(existing), "the walk is behind what was inserted meanwhile")
	assert.Equal(t, pages-1, page)
}

func (s *service) bulkEndpoint(t *testing.T) webhook.Endpoint {
	t.Helper()
	id, _ := s.endpoint(t, s.writer)
	endpoint, err := s.store.FindEndpoint(t.Context(), organization, id)
	require.NoError(t, err)
	return endpoint
}

// bulk inserts deliveries without the API and returns their IDs.
func (s *service) bulk(t *testing.T, endpoint webhook.Endpoint, count int) (ids []string) {
	t.Helper()
	publications := make([]webhook.Publication, count)
	for i := range publications {
		event := webhook.NewEvent(organization, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, webhook.Now())
		delivery := webhook.NewDelivery(event, endpoint, event.CreatedAt)
		publications[i] = webhook.Publication{Event: event, Deliveries: []webhook.Delivery{delivery}}
		ids = append(ids, delivery.ID)
	}
	for _, err := range s.store.CreateEvents(t.Context(), publications) {
		require.NoError(t, err)
	}
	return ids
}

func TestCursorOfAnotherScopeRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	for range 2 {
		s.endpoint(t, s.writer)
	}
	own, second := s.delivery(t, s.writer), s.delivery(t, s.writer)
	for range 2 {
		s.attempted(t, own)
	}
	record, err := s.store.FindDelivery(t.Context(), organization, own)
	require.NoError(t, err)
	filtered := deliveries + "?endpointId=" + record.Delivery.EndpointID + "&limit=1"
	cursor := func(path string) string {
		return granted(t, s.call(t, "GET", path, s.reader, ""))["nextCursor"].(string)
	}
	ofDeliveries, ofFiltered, ofAttempts := cursor(deliveries+"?limit=1"), cursor(filtered), cursor(deliveries+"/"+own+"/attempts?limit=1")
	other := s.newKey(t, webhook.APIKeySpec{OrganizationID: "org_other", Scope: webhook.ScopeRead})

	for name, c := range map[string]struct{ path, key, cursor string }{
		"another organization": {deliveries, other, ofDeliveries},
		"another route":        {base, s.reader, ofDeliveries},
		"a filter more":        {deliveries + "?endpointId=" + record.Delivery.EndpointID, s.reader, ofDeliveries},
		"a filter less":        {deliveries, s.reader, ofFiltered},
		"another resource":     {deliveries + "/" + second + "/attempts", s.reader, ofAttempts},
		"cut off":              {deliveries, s.reader, ofDeliveries[:len(ofDeliveries)-1]},
		"longer":               {deliveries, s.reader, ofDeliveries + "A"},
		"changed":              {deliveries, s.reader, "A" + ofDeliveries[1:] + "A"},
		"empty":                {deliveries, s.reader, ""},
		"an ID":                {deliveries, s.reader, own},
		"NUL":                  {deliveries, s.reader, "\x00"},
	} {
		join := "?"
		if strings.Contains(c.path, "?") {
			join = "&"
		}
		f := refused(t, s.call(t, "GET", c.path+join+"cursor="+url.QueryEscape(c.cursor), c.key, ""), 400, "invalid_cursor")
		assert.Equal(t, "cursor", f.Details[0].Field, name)
	}
	for _, page := range []string{"&bodies=false", "&limit=7", ""} { // these are no filters
		granted(t, s.call(t, "GET", deliveries+"?cursor="+ofDeliveries+page, s.reader, ""))
	}
	refused(t, s.call(t, "GET", deliveries+"?offset=0&cursor="+ofDeliveries, s.reader, ""), 400, "cursor_with_offset")
}

// A forged cursor may have any position, but none that the database refuses.
func TestCursorPositionHostileRefused(t *testing.T) {
	own := scope{"org", "/v1/things", ""}
	for _, position := range []string{"\x00", "\xff", "a b", "'", strings.Repeat("a", 256), "dlv_\n"} {
		_, err := own.position(own.cursor(position))
		assert.ErrorIs(t, err, errInvalidCursor, "%q", position)
	}
	for _, position := range []string{"dlv_01M7WV53ZTT50ZVB4VGFWDTC7B", "Acme-1.x", "2026:7"} {
		got, err := own.position(own.cursor(position))
		require.NoError(t, err)
		assert.Equal(t, position, got)
	}
	short := base64.RawURLEncoding.EncodeToString(own.checksum(""))
	_, err := own.position(short)
	assert.ErrorIs(t, err, errInvalidCursor)
	apart, joined := scope{"a", "bc"}, scope{"ab", "c"}
	assert.NotEqual(t, apart.cursor("x"), joined.cursor("x"), "each part is hashed with its length")
}

func TestPageDeepOffsetWithFilterRefused(t *testing.T) {
	for query, refusal := range map[string]bool{
		"offset=10000&status=failure": false, "offset=10001&status=failure": true, "offset=10001&endpointId=x": false,
		"offset=10001": false, "offset=10001&limit=5&bodies=false": false, "offset=10001&endpointId=x&eventType=y": true,
	} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		_, err = offsetOf(values)
		assert.Equal(t, refusal, err != nil, query)
	}
}

func TestListWithoutBodiesLeavesThemOut(t *testing.T) {
	s := newService(t).withKeys(t)
	s.endpoint(t, s.writer)
	id := s.delivery(t, s.writer)
	s.attempted(t, id)
	for path, bodies := range map[string][]string{
		deliveries: {"requestBody", "responseBody"}, deliveries + "/" + id + "/attempts": {"responseBody"},
	} {
		full := onlyItem(t, s.call(t, "GET", path+"?bodies=true", s.reader, ""))
		lean := onlyItem(t, s.call(t, "GET", path+"?bodies=false", s.reader, ""))
		for _, body := range bodies {
			assert.Contains(t, full, body)
			assert.NotContains(t, lean, body)
			delete(full, body)
		}
		assert.Equal(t, full, lean, "everything else is the same")
		for _, wrong := range []string{"", "0", "FALSE", "no"} {
			f := refused(t, s.call(t, "GET", path+"?bodies="+wrong, s.reader, ""), 400, "out_of_range")
			assert.Equal(t, "bodies", f.Details[0].Field)
		}
	}
}

// A page without bodies reads no bodies, and reserves no memory for them.
func TestListWithoutBodiesReadsNone(t *testing.T) {
	opened := &watchedStore{Store: storetest.NewPostgres(t)}
	s := serve(t, opened.Store, watched(opened)).withKeys(t)
	s.publishSized(t, 3, 400_000)
	granted(t, s.call(t, "GET", deliveries+"?bodies=false", s.reader, ""))
	assert.Zero(t, opened.reads.Load())
	list, err := s.store.PageDeliveries(t.Context(), webhook.DeliveryFilter{OrganizationID: organization}, webhook.Page{Limit: 10, WithoutBodies: true})
	require.NoError(t, err)
	for _, item := range list.Items {
		assert.Less(t, item.Bytes, int64(1_000))
	}
}

func onlyItem(t *testing.T, a answer) map[string]any {
	t.Helper()
	items := granted(t, a)["items"].([]any)
	require.Len(t, items, 1)
	return items[0].(map[string]any)
}
