package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestForeignResourceIsNotFound(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		owner, other := s.organization(t), s.organization(t)
		hook, url := answering(t, status(500))
		target := owner.endpoint(t, url, 0)
		failed := owner.failed(t)
		key := owner.makeKey(t, map[string]any{"name": "n"})

		for _, o := range operations() {
			own := o.of(failed, target.ID, key.ID)
			if own == o.path {
				continue // it has no ID in its path
			}
			ofAnother := other.call(t, request{method: o.method, path: own, body: o.body})
			missing := other.call(t, request{method: o.method, path: o.path, body: o.body})
			kind := "delivery_not_found"
			switch {
			case strings.Contains(o.path, "ep_"):
				kind = "endpoint_not_found"
			case strings.Contains(o.path, "evt_"):
				kind = "event_not_found"
			case strings.Contains(o.path, "key_"):
				kind = "api_key_not_found"
			}
			p, q := ofAnother.refused(t, 404, kind), missing.refused(t, 404, kind)
			p.RequestID, q.RequestID = "", ""
			p.Message = strings.NewReplacer(failed.ID, "dlv_"+nobodys, eventOf(failed), "evt_"+nobodys, target.ID, "ep_"+nobodys, key.ID, "key_"+nobodys).Replace(p.Message)
			assert.Equal(t, q, p, o.path)
		}
		assert.Empty(t, data[page[endpoint]](t, other.get(t, base)).Items)
		assert.Empty(t, data[page[delivery]](t, other.get(t, deliveries)).Items)
		assert.Empty(t, data[page[delivery]](t, other.get(t, deliveries+"?endpointId="+target.ID)).Items)
		assert.Empty(t, other.publishEvent(t, `{"eventType":"run.finished","data":{}}`).Deliveries)

		assert.Equal(t, failed, owner.delivery(t, failed.ID))
		assert.Equal(t, target, owner.find(t, target.ID))
		assert.Len(t, hook.all(), 1)
	})
}
